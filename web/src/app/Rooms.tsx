/** The rooms at the side in groups that fold; what is abnormal in a folded one still shows as a number. */
import { Badge, Group, NavLink, Text, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { groupOf, isHere, remember, remembered, rooms } from './navigation';
import { useMe } from './session';

const OVER = ['closed', 'cancelled', 'rejected', 'verified', 'done'];

/** What stands open or is abnormal, by page. */
function useCounts(): Record<string, number> {
  const alarms = useQuery(q.alarms('active')).data?.items ?? [];
  const approvals = useQuery(q.approvals('open')).data?.items ?? [];
  const orders = useQuery(q.orders).data?.items ?? [];
  const lines = useQuery(q.health).data?.sources ?? [];
  const now = Date.now();
  return {
    alarms: alarms.filter((one) => one.kind === 'alarm').length,
    approvals: approvals.length,
    orders: orders.filter((one) => one.due !== null && Date.parse(one.due) < now && !OVER.includes(one.state)).length,
    sources: lines.filter((one) => one.state === 'down' || one.state === 'degraded').length,
  };
}

export function Rooms({ here }: { here: string }) {
  const { t } = useTranslation();
  const roles = useMe().roles;
  const counts = useCounts();
  const [open, setOpen] = useState(remembered);
  const group = groupOf(here);
  useEffect(() => {
    if (group) setOpen((before) => (before.has(group) ? before : new Set([...before, group])));
  }, [group]);
  const fold = (name: NonNullable<typeof group>): void => {
    const next = new Set(open);
    if (!next.delete(name)) next.add(name);
    setOpen(next);
    remember(next);
  };
  const badge = (name: string): ReactNode => (counts[name] ? <Count n={counts[name]} about={t(`nav.count.${name}`, { count: counts[name] })} /> : undefined);
  return rooms(roles).map(([name, pages]) => {
    const folded = !open.has(name);
    const Icon = folded ? IconChevronRight : IconChevronDown;
    return (
      <div key={name} role="group" aria-labelledby={`rooms-${name}`} data-group={name}>
        <UnstyledButton className="nav-group" aria-expanded={!folded} aria-controls={`rooms-${name}-pages`} onClick={() => fold(name)}>
          <Group gap={6} wrap="nowrap">
            <Icon size={14} stroke={2} aria-hidden />
            <Text id={`rooms-${name}`} size="xs" c="dimmed" fw={600}>{t(`nav.${name}`)}</Text>
            <span style={{ flex: 1 }} />
            {folded && pages.map(([to, page]) => <span key={to} data-count={page}>{badge(page)}</span>)}
          </Group>
        </UnstyledButton>
        <div id={`rooms-${name}-pages`} hidden={folded}>
          {!folded && pages.map(([to, page, PageIcon]) => {
            const active = isHere(to, here);
            return <NavLink key={to} renderRoot={(props) => <Link to={to} {...props} />} label={t(`nav.${page}`)} leftSection={<PageIcon size={18} stroke={1.6} aria-hidden />} rightSection={badge(page)} active={active} aria-current={active ? 'page' : undefined} variant="filled" />;
          })}
        </div>
      </div>
    );
  });
}

/** A number alone says nothing to those who cannot see where it stands. */
function Count({ n, about }: { n: number; about: string }) {
  return <Badge color="slate" variant="filled" size="sm" title={about}><span aria-hidden>{n}</span><span className="visually-hidden">{about}</span></Badge>;
}
