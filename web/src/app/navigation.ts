/** Which rooms there are, who may enter them, and which groups of them a browser has open. */
import { IconActivity, IconArrowsTransferDown, IconBell, IconBellCog, IconBinaryTree, IconBox, IconBroadcast, IconBuildingFactory2, IconCalendarTime, IconCertificate, IconChartBar, IconChartLine, IconClipboardList, IconCode, IconCoins, IconDatabase, IconFileText, IconGauge, IconHeartbeat, IconHeartRateMonitor, IconHome, IconHourglass, IconListNumbers, IconMessage2Share, IconMessageQuestion, IconNotebook, IconPackage, IconPencilBolt, IconPhoto, IconRadar2, IconRoute, IconRouter, IconScale, IconShieldCheck, IconThumbUp, IconUsers, IconUsersGroup, IconWebhook } from '@tabler/icons-react';
import { may } from './permissions';

export const ROOMS = [
  ['operate', [['/', 'overview', IconHome], ['/alarms', 'alarms', IconBell], ['/alarm-kpis', 'alarmKpis', IconBellCog], ['/oee', 'oee', IconGauge], ['/production', 'production', IconBuildingFactory2], ['/trends', 'trends', IconChartLine], ['/logbook', 'logbook', IconNotebook]]],
  ['maintain', [['/orders', 'orders', IconClipboardList], ['/assistant', 'assistant', IconMessageQuestion], ['/spares', 'spares', IconPackage], ['/plans', 'plans', IconCalendarTime], ['/technicians', 'technicians', IconUsersGroup], ['/instructions', 'instructions', IconListNumbers], ['/maintenance', 'maintenance', IconChartBar]]],
  ['foresee', [['/condition', 'condition', IconHeartbeat], ['/models', 'models', IconHeartRateMonitor], ['/life', 'life', IconHourglass], ['/registry', 'registry', IconBox]]],
  ['decide', [['/approvals', 'approvals', IconThumbUp], ['/writes', 'writes', IconPencilBolt], ['/cases', 'cases', IconRoute], ['/processes', 'processes', IconBinaryTree], ['/tower', 'tower', IconBroadcast]]],
  ['knowledge', [['/sql', 'sql', IconCode], ['/catalog', 'catalog', IconDatabase], ['/etl', 'etl', IconArrowsTransferDown], ['/documents', 'documents', IconFileText], ['/images', 'images', IconPhoto], ['/cost', 'cost', IconCoins]]],
  ['connect', [['/sources', 'sources', IconActivity], ['/discovery', 'discovery', IconRadar2], ['/edges', 'edges', IconRouter], ['/access', 'access', IconCertificate], ['/ledger', 'ledger', IconScale]]],
  ['house', [['/notifications', 'notifications', IconMessage2Share], ['/webhooks', 'webhooks', IconWebhook], ['/audit', 'audit', IconShieldCheck], ['/users', 'users', IconUsers]]],
] as const;

export type GroupName = (typeof ROOMS)[number][0];
const NEEDS: Record<string, string> = { audit: 'audit.read', users: 'users.edit', sql: 'sql.query', etl: 'etl.read', webhooks: 'webhooks.read' };
const KEPT = 'lineshaft.rooms';

/** The groups with the pages these roles may enter; a group without any is left out. */
export function rooms(roles: readonly string[]) {
  return ROOMS.map(([group, pages]) => [group, pages.filter(([, name]) => may(roles, NEEDS[name] ?? 'read'))] as const).filter(([, pages]) => pages.length > 0);
}

/** Whether a page is the one that is shown; a machine's page belongs to the overview. */
export const isHere = (to: string, here: string): boolean => (to === '/' ? here === '/' || here.startsWith('/machines') : here === to || here.startsWith(`${to}/`));

export const groupOf = (here: string): GroupName | undefined => ROOMS.find(([, pages]) => pages.some(([to]) => isHere(to, here)))?.[0];

/** Which groups this browser had open; the first time that of the everyday pages. */
export function remembered(): Set<GroupName> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT) ?? '');
    if (Array.isArray(kept)) return new Set(ROOMS.map(([group]) => group).filter((group) => kept.includes(group)));
  } catch {
    // nothing kept, or nothing that can be read: as the first time
  }
  return new Set(['operate']);
}

export function remember(open: ReadonlySet<GroupName>): void {
  try {
    localStorage.setItem(KEPT, JSON.stringify([...open]));
  } catch {
    // a browser that keeps nothing forgets this too
  }
}
