/** Whom the node believes: devices that publish to it, and the certificates of OPC UA servers. */
import { queryOptions } from '@tanstack/react-query';
import { ask } from './client';
import type { Iso, Page } from './types';

export interface Device { name: string; topics: string[]; note: string; created: Iso; revoked: Iso | null; seen: Iso | null; online: boolean; address: string; messages: number }
export interface DeviceSecret { name: string; secret: string; topics: string[] }
export interface Certificate { source: string; trusted: boolean; fingerprint: string; subject: string; uri: string; valid_from: Iso; valid_to: Iso }

const every = <T,>(name: string) => queryOptions({ queryKey: [name], queryFn: ({ signal }) => ask<T>(name, { signal }), refetchInterval: 5_000 });

export const devices = every<Page<Device>>('devices');
export const certificates = every<Page<Certificate>>('certificates');
