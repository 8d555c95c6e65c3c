/** The one live stream of this tab: reconnects by itself, subscribes to what pages watch, says when it was away. */
import { useEffect, useSyncExternalStore } from 'react';
import { client, outdate, q } from '../api/queries';
import { signOut } from '../api/client';
import type { Frame, StreamEvent } from '../api/types';
import { tags } from './store';

export type Connection = 'connecting' | 'live' | 'lost';
type Take = (event: StreamEvent) => void;
const SILENCE = 15_000;
const NOT_SIGNED_IN = 4401;

class Stream {
  private socket: WebSocket | null = null;
  private wanted = false;
  private attempts = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private sent = '';
  private readonly watched = new Map<string, number>();
  private readonly observers = new Set<() => void>();
  private readonly takers = new Set<Take>();
  private pending = new Set<string>();
  private flush: ReturnType<typeof setTimeout> | undefined;
  connection: Connection = 'connecting';
  lastFrame = 0;

  open(): void {
    this.wanted = true;
    if (!this.socket) this.dial();
  }

  close(): void {
    this.wanted = false;
    clearTimeout(this.retry);
    clearTimeout(this.watchdog);
    this.socket?.close();
    this.socket = null;
    this.attempts = 0;
    this.become('connecting');
  }

  /** Watches everything under these paths until the returned function is called. */
  watch(paths: readonly string[]): () => void {
    for (const path of paths) this.watched.set(path, (this.watched.get(path) ?? 0) + 1);
    queueMicrotask(() => this.subscribe());
    return () => {
      for (const path of paths) {
        const left = (this.watched.get(path) ?? 1) - 1;
        if (left > 0) this.watched.set(path, left);
        else this.watched.delete(path);
      }
      queueMicrotask(() => this.subscribe());
    };
  }

  observe = (tell: () => void): (() => void) => {
    this.observers.add(tell);
    return () => void this.observers.delete(tell);
  };

  onEvent(take: Take): () => void {
    this.takers.add(take);
    return () => void this.takers.delete(take);
  }

  private dial(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/stream`);
    this.socket = socket;
    socket.onopen = () => {
      const back = this.attempts > 0;
      this.attempts = 0;
      this.sent = '';
      this.subscribe();
      this.become('live');
      this.watchSilence();
      // What happened while we were away is asked for again; the stream only tells what is new.
      if (back) void client.invalidateQueries();
    };
    socket.onmessage = (message) => this.receive(message.data as string);
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (code === NOT_SIGNED_IN) signOut();
      if (this.wanted) this.again();
    };
  }

  private again(): void {
    this.become('lost');
    clearTimeout(this.watchdog);
    this.attempts += 1;
    // A refused handshake looks like any other failure here: ask who we are, the answer signs out a stale session.
    if (this.attempts === 2) void client.fetchQuery({ ...q.health, staleTime: 0 }).catch(() => undefined);
    const wait = Math.min(500 * 2 ** (this.attempts - 1), 8_000) * (0.75 + Math.random() / 2);
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.wanted && !this.socket && this.dial(), wait);
  }

  private subscribe(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const text = JSON.stringify({ subscribe: { assets: [...this.watched.keys()].sort(), events: true } });
    if (text === this.sent) return;
    this.sent = text;
    this.socket.send(text);
  }

  private receive(text: string): void {
    this.lastFrame = Date.now();
    const frame = JSON.parse(text) as Frame;
    if (frame.values) tags.take(frame.values);
    for (const event of frame.events ?? []) {
      this.pending.add(event.type);
      this.takers.forEach((take) => take(event));
    }
    // Events come in bursts; the lists are asked for once a burst.
    if (this.pending.size && !this.flush)
      this.flush = setTimeout(() => {
        this.flush = undefined;
        const types = this.pending;
        this.pending = new Set();
        outdate(types);
      }, 150);
  }

  /** A half-open connection says nothing at all: after a long silence we ask the server itself, and dial again if it is gone. */
  private watchSilence(): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      if (!this.wanted || !this.socket) return;
      const next = (): void => this.watchSilence();
      if (Date.now() - this.lastFrame < SILENCE) next();
      else client.fetchQuery({ ...q.health, staleTime: 0, retry: false }).then(next, () => this.socket?.close());
    }, SILENCE);
  }

  private become(state: Connection): void {
    if (this.connection === state) return;
    this.connection = state;
    this.observers.forEach((tell) => tell());
  }
}

export const stream = new Stream();

export const useConnection = (): Connection => useSyncExternalStore(stream.observe, () => stream.connection);

/** Keeps the values under these paths flowing while the page is open. */
export function useWatch(paths: readonly string[]): void {
  const key = paths.join('\n');
  useEffect(() => (key ? stream.watch(key.split('\n')) : undefined), [key]);
}
