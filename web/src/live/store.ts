/**
 * The last value of every property this tab watches.
 * A value is read by subscription to its own path, so that a tick repaints one cell and never a page.
 */
import { useCallback, useSyncExternalStore } from 'react';
import type { Frame, Latest, Quality, Scalar } from '../api/types';

export interface Tag { value: Scalar; quality: Quality; at: number }
type Listener = () => void;

export class TagStore {
  private readonly tags = new Map<string, Tag>();
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly arrivals = new Map<string, Set<(tag: Tag) => void>>();

  get = (path: string): Tag | undefined => this.tags.get(path);

  subscribe = (path: string, listener: Listener): (() => void) => add(this.listeners, path, listener);

  /** Charts take every value that arrives, also one equal to the last. */
  follow = (path: string, take: (tag: Tag) => void): (() => void) => add(this.arrivals, path, take);

  /** Takes one value; an older one than what is known changes nothing. */
  put(path: string, tag: Tag): void {
    const known = this.tags.get(path);
    if (known && known.at > tag.at) return;
    const same = known && known.value === tag.value && known.quality === tag.quality && known.at === tag.at;
    if (same) return;
    this.tags.set(path, tag);
    this.arrivals.get(path)?.forEach((take) => take(tag));
    this.listeners.get(path)?.forEach((tell) => tell());
  }

  take(values: NonNullable<Frame['values']>): void {
    for (const [path, [value, quality, at]] of Object.entries(values)) this.put(path, { value, quality, at: Date.parse(at) });
  }

  prime(items: readonly Latest[]): void {
    for (const item of items) if (item.timestamp) this.put(item.property, { value: item.value, quality: item.quality, at: Date.parse(item.timestamp) });
  }

  clear(): void {
    this.tags.clear();
    this.listeners.forEach((set) => set.forEach((tell) => tell()));
  }
}

function add<L>(to: Map<string, Set<L>>, path: string, listener: L): () => void {
  let set = to.get(path);
  if (!set) to.set(path, (set = new Set()));
  set.add(listener);
  return () => {
    set.delete(listener);
    if (set.size === 0 && to.get(path) === set) to.delete(path);
  };
}

export const tags = new TagStore();

export function useTag(path: string): Tag | undefined {
  return useSyncExternalStore(
    useCallback((tell: Listener) => tags.subscribe(path, tell), [path]),
    useCallback(() => tags.get(path), [path]),
  );
}
