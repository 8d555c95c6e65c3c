/** Who is signed in, and what that role may ask for. */
import { useQuery } from '@tanstack/react-query';
import { q } from '../api/queries';
import type { User } from '../api/types';
import { may } from './permissions';

const NOBODY: User = { id: '', name: '', display: '', roles: [] };

export function useMe(): User {
  return useQuery(q.me).data ?? NOBODY;
}

export function useMay(action: string): boolean {
  return may(useMe().roles, action);
}
