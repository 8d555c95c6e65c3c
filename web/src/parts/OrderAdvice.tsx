import { Box, Button, Group, Text } from '@mantine/core';
import { IconUser } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { useCommand } from '../api/queries';
import { w, type Candidate, type FullOrder } from '../api/workshop';
import { toFinding } from '../app/alarmSearch';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Panel } from './Page';
import { useTitle } from './titles';

const BEFORE = ['requested', 'triaged', 'planned', 'waiting', 'assigned'];

/** What fills a reason, its numbers as the reader writes them. */
const figures = <T,>(values: Record<string, T>, number: (value: number, digits: number) => string): Record<string, T | string> => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeof value === 'number' ? number(value, Number.isInteger(value) ? 0 : 1) : value]));

/** Who should do it, and why: a proposal that a person accepts or changes. */
export function Candidates({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('work-orders.assign');
  const people = useQuery(w.candidates(order.id)).data?.items ?? [];
  const give = useCommand((one: Candidate) => post(`work-orders/${order.id}/assign`, { to: one.login, version: order.version }), ['work-orders', 'technicians', 'cases']);
  if (!BEFORE.includes(order.state)) return null;
  return (
    <Panel title={t('advice.who')}>
      {people.length === 0 && <Text size="sm" c="dimmed">{t('advice.nobody')}</Text>}
      <Box className="rows">
        {people.slice(0, 4).map((one) => (
          <Box key={one.login} py={6} data-candidate={one.login}>
            <Group justify="space-between" wrap="nowrap" gap="xs">
              <Group gap={6} wrap="nowrap"><IconUser size={18} aria-hidden /><Text size="sm" fw={600}>{one.name}</Text><Text size="sm" className="nowrap">{Math.round(one.score * 100)} %</Text></Group>
              {may && one.account && <Button size="compact-md" loading={give.isPending && give.variables.login === one.login} onClick={() => give.mutate(one)} aria-label={`${t('advice.give')}: ${one.name}`}>{t('advice.give')}</Button>}
            </Group>
            {!one.fits && <Text size="xs" fw={700}>{t('advice.lacks')}</Text>}
            <details><summary>{t('advice.why')}</summary>{one.reasons.map((reason) => <Text key={reason.name} size="xs">{t(`reason.${reason.name}`)}: {Math.round(reason.points * 100)} / {Math.round(reason.weight * 100)} · {t(`reasonWhy.${reason.says}`, { ...figures(reason.values, f.number), defaultValue: reason.why })}</Text>)}</details>
          </Box>
        ))}
      </Box>
    </Panel>
  );
}

/** What led to the order, and what was done the last times it looked like this. */
export function Past({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const title = useTitle();
  const f = useFormat();
  const alike = useQuery(w.similar(order.id)).data?.items ?? [];
  return (
    <Panel title={t('past.title')}>
      {order.findings.map((one) => (
        <Box key={one.type + one.id} mb={6}>
          <Text size="sm">{['alarm', 'finding'].includes(one.type) ? <Link to="/alarms" search={one.type === 'finding' ? toFinding(one.id) : { alarm: one.id }}>{t(`sourceType.${one.type}`)}</Link> : t(`sourceType.${one.type}`, { defaultValue: one.type })} {f.when(one.at)}{one.score !== null ? ` · ${t('past.score')} ${f.number(one.score, 2)}` : ''}</Text>
          {one.sensors.map((sensor) => <Text key={sensor.property} size="xs" c="dimmed" className="wrap">{sensor.property} {f.percent(sensor.share, 0)}</Text>)}
        </Box>
      ))}
      <Text size="sm" fw={600} mt={4}>{t('past.alike')}</Text>
      {alike.length === 0 && <Text size="sm" c="dimmed">{t('past.none')}</Text>}
      <Box className="rows">
        {alike.map((one) => (
          <Box key={one.id} py={6}>
            <Link to="/orders/$id" params={{ id: one.id }} className="tap">{one.number} {title(one.title)}</Link>
            <Text size="xs" c="dimmed">{f.percent(one.likeness, 0)}: {one.why.map((why) => t(`likeWhy.${why.replaceAll(' ', '-')}`)).join(', ')}</Text>
            <Text size="xs" className="wrap">{['mode', 'cause', 'remedy'].filter((name) => one.closing[name]).map((name) => t(`code.${name}.${one.closing[name]}`, { defaultValue: one.closing[name] ?? '' })).join(' · ')}{one.parts.map((part) => ` · ${f.number(part.quantity)} × ${part.part}`).join('')}{one.notes.length ? ` · ${one.notes.join(' · ')}` : ''}</Text>
          </Box>
        ))}
      </Box>
      {order.avoided && (
        <Box mt={8}>
          <Text size="sm" fw={600}>{t('past.avoided')}: {f.money(order.avoided.value)}</Text>
          <Text size="xs" c="dimmed" className="wrap">{t('past.assumption')}: {order.avoided.assumption}{order.avoided.confirmed ? '' : ` · ${t('past.unconfirmed')}`}</Text>
        </Box>
      )}
    </Panel>
  );
}
