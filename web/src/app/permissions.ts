/**
 * What a role may ask for: the same ladder as the gate's (guard/roles.py), so that a page offers only what will be allowed.
 * The gate decides; this only hides buttons that would be refused.
 */
const LADDER = [
  ['viewer', ['read', 'notifications.choose']],
  ['operator', ['alarms.*', 'values.write', 'production.quality', 'logbook.write', 'downtime.code', 'cases.request', 'cases.answer', 'images.add', 'agents.ask', 'notifications.test', 'models.predict']],
  ['technician', ['work-orders.*', 'documents.add', 'condition.record', 'condition.acknowledge', 'condition.return', 'alarm-service.*']],
  ['planner', ['approvals.decide', 'spares.*', 'maintenance.*', 'purchases.*', 'production.*', 'cases.*', 'agents.judge', 'sql.query', 'cost.edit', 'tiers.run', 'notifications.*']],
  ['engineer', ['assets.*', 'findings.*', 'simulator.*', 'writes.*', 'compute.*', 'store.flush', 'audit.read', 'models.*', 'catalog.edit', 'webhooks.*', 'etl.*', 'images.delete', 'imports.*', 'agents.*', 'discovery.*', 'edges.*', 'sources.*', 'devices.*', 'rationalisation.add', 'condition.*']],
  ['admin', ['*']],
] as const satisfies readonly (readonly [string, readonly string[]])[];

export const ROLES: readonly string[] = LADDER.map(([role]) => role);

const matches = (pattern: string, action: string): boolean => pattern === '*' || pattern === action || (pattern.endsWith('.*') && action.startsWith(pattern.slice(0, -1)));

/** Each role has all rights of those before it. */
export function may(roles: readonly string[], action: string): boolean {
  const highest = Math.max(-1, ...roles.map((role) => ROLES.indexOf(role)));
  return LADDER.slice(0, highest + 1).some(([, patterns]) => patterns.some((pattern) => matches(pattern, action)));
}
