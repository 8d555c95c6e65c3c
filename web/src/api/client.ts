/** The one way to the REST door: cookie, the header that proves this page asks, problems as errors. */
const BASE = '/api/v1/';

export interface Problem { type?: string; title?: string; status: number; detail?: string; code?: string; where?: string; hint?: string; position?: number; line?: number; column?: number }
type Query = Record<string, string | number | boolean | readonly string[] | undefined | null>;
interface Ask { method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'; body?: unknown; query?: Query; signal?: AbortSignal | undefined; key?: string }

/** What the door refused, with its own words: detail, where, hint and a code the catalogue may translate. */
export class ApiProblem extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title ?? `HTTP ${problem.status}`);
    this.name = 'ApiProblem';
  }
}

const signedOut = new Set<() => void>();
export const signOut = (): void => signedOut.forEach((tell) => tell());
export const onSignedOut = (listener: () => void): (() => void) => {
  signedOut.add(listener);
  return () => void signedOut.delete(listener);
};

/** A key that makes a repeated command the same command; `randomUUID` is missing on plain http away from localhost. */
export function newKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function address(path: string, query?: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === '') continue;
    if (Array.isArray(value)) for (const one of value) search.append(name, one);
    else search.append(name, String(value));
  }
  const text = search.toString();
  return BASE + path + (text ? `?${text}` : '');
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const type = response.headers.get('content-type') ?? '';
  const said = type.includes('json') ? ((await response.json().catch(() => ({}))) as Partial<Problem>) : {};
  return new ApiProblem({ ...said, status: response.status, title: said.title ?? response.statusText });
}

export async function ask<T>(path: string, { method = 'GET', body, query, signal, key }: Ask = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const init: RequestInit = { method, headers, credentials: 'same-origin', signal: signal ?? null };
  if (method !== 'GET') {
    headers['X-Lineshaft'] = '1';
    headers['Idempotency-Key'] = key ?? newKey();
    if (body instanceof FormData) init.body = body;
    else if (body instanceof Blob) {
      headers['Content-Type'] = 'application/octet-stream';
      init.body = body;
    } else {
      headers['Content-Type'] = 'application/json';
      init.body = JSON.stringify(body ?? {});
    }
  }
  let response: Response;
  try {
    response = await fetch(address(path, query), init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiProblem({ status: 0, code: 'web.unreachable', detail: String(cause) });
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  if (response.status === 401 && path !== 'login' && path !== 'me') signOut();
  throw await problemOf(response);
}

export const post = <T>(path: string, body?: unknown, key?: string): Promise<T> => ask<T>(path, { method: 'POST', body, ...(key ? { key } : {}) });

/** Ask for an answer in another form and let the browser keep it as a file. */
export async function download(path: string, body: unknown, accept: string, name: string): Promise<void> {
  const headers = { Accept: accept, 'Content-Type': 'application/json', 'X-Lineshaft': '1' };
  const response = await fetch(address(path), { method: 'POST', headers, credentials: 'same-origin', body: JSON.stringify(body) });
  if (!response.ok) throw await problemOf(response);
  const url = URL.createObjectURL(await response.blob());
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
