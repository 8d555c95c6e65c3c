/** Files of an older historian handed to the node part by part; a part that was cut off is sent again from where it was. */
import { queryOptions } from '@tanstack/react-query';
import { ApiProblem, address, ask, post } from './client';

export interface ImportJob { id: string; file: string; size: number; received: number; state: 'uploading' | 'waiting' | 'running' | 'done' | 'failed' | 'cancelled'; by: string | null; created: string; started: string | null; ended: string | null; total: number; done: number; stored: number; rejected: Record<string, number>; again: boolean; error: string; version: number }
export interface How { layout: string; source: string; properties: boolean; timezone: string }

const PART = 8 << 20;
export const OPEN = ['uploading', 'waiting', 'running'];

export const imports = queryOptions({
  queryKey: ['imports'],
  queryFn: ({ signal }) => ask<{ items: ImportJob[] }>('imports', { query: { limit: 20 }, signal }),
  refetchInterval: (query) => (query.state.data?.items.some((one) => OPEN.includes(one.state)) ? 1_000 : 15_000),
});

export async function handOver(file: File, how: How, progress: (share: number) => void): Promise<ImportJob> {
  let job = await post<ImportJob>('imports', { file: file.name, size: file.size, ...how });
  while (job.state === 'uploading') {
    const part = file.slice(job.received, job.received + PART);
    const headers = { 'X-Lineshaft': '1', 'Content-Type': 'application/octet-stream' };
    const response = await fetch(address(`imports/${job.id}/content`, { offset: job.received }), { method: 'PUT', headers, credentials: 'same-origin', body: part });
    if (!response.ok) throw new ApiProblem({ status: response.status, ...((await response.json().catch(() => ({}))) as object) });
    job = (await response.json()) as ImportJob;
    progress(job.received / file.size);
  }
  return job;
}
