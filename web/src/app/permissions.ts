/**
 * What a role may ask for: the same table as the gate's, so that a page offers only what will be allowed.
 * The gate decides; this only hides buttons that would be refused.
 */
const GRANTS: Record<string, readonly string[]> = {
  viewer: [],
  operator: ['alarms.*', 'values.write', 'production.quality'],
  technician: ['alarms.*', 'values.write', 'production.quality', 'work-orders.*', 'documents.add'],
  planner: ['approvals.decide', 'spares.*', 'purchases.*', 'production.*', 'work-orders.*', 'documents.add'],
  engineer: ['assets.*', 'findings.*', 'simulator.*', 'writes.*', 'alarms.*', 'work-orders.*', 'documents.add', 'values.write'],
  admin: ['*'],
};

const matches = (pattern: string, action: string): boolean => pattern === '*' || pattern === action || (pattern.endsWith('.*') && action.startsWith(pattern.slice(0, -1)));

export function may(roles: readonly string[], action: string): boolean {
  return roles.some((role) => (GRANTS[role] ?? []).some((pattern) => matches(pattern, action)));
}

export const ROLES = Object.keys(GRANTS);
