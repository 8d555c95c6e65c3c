/** The stops of a span of time; the reason is coded afterwards by who was there. */
import { Select, Table, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { UseQueryResult } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { ask } from '../api/client';
import { useCommand } from '../api/queries';
import type { Page, Stop } from '../api/types';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, Panel } from './Page';
import { Scroll } from './Scroll';
import { StateMark, stateOf } from './State';

const REASONS = ['mechanical', 'electrical', 'material', 'tool', 'operator', 'cleaning', 'changeover', 'break', 'upstream', 'downstream', 'other'] as const;

export function Stops({ of, under }: { of: UseQueryResult<Page<Stop>>; under?: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  const narrow = useMediaQuery('(max-width: 48em)') ?? false;
  const span = (stop: Stop): string => `${f.span(((stop.end ? Date.parse(stop.end) : Date.now()) - Date.parse(stop.start)) / 1000)}${stop.end ? '' : ` · ${t('downtime.open')}`}`;
  const mayCode = useMay('downtime.code');
  const code = useCommand(({ stop, reason }: { stop: Stop; reason: string }) => ask(`downtime/${encodeURIComponent(stop.id)}`, { method: 'PATCH', body: { reason, version: stop.version } }), ['downtime', 'oee', 'bad-actors']);
  return (
    <Panel title={t('downtime.title')} pad={false}>
      <Answer of={of} empty={(list) => list.items.length === 0} none={t('downtime.none')}>
        {(list) => (
          <Scroll minWidth={narrow ? 300 : 430} mah={420}>
            <Table>
              <Table.Thead><Table.Tr><Table.Th>{t('downtime.start')}</Table.Th>{!narrow && <Table.Th className="figure">{t('downtime.span')}</Table.Th>}<Table.Th>{t('downtime.state')}</Table.Th><Table.Th>{t('downtime.reason')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {[...list.items].sort((a, b) => Date.parse(b.start) - Date.parse(a.start)).slice(0, 60).map((stop) => (
                  <Table.Tr key={stop.id}>
                    <Table.Td>{f.when(stop.start)}{under && <Text size="xs" c="dimmed">{stop.asset.slice(stop.asset.lastIndexOf('/') + 1)}</Text>}{narrow && <Text size="xs">{span(stop)}</Text>}</Table.Td>
                    {!narrow && <Table.Td className="figure">{span(stop)}</Table.Td>}
                    <Table.Td><StateMark state={stateOf(stop.state, {})} />{stop.micro && <Text size="xs" c="dimmed">{t('downtime.micro')}</Text>}</Table.Td>
                    <Table.Td>
                      <Select aria-label={`${t('downtime.reason')} ${f.when(stop.start)}`} size="xs" miw={110} placeholder={t('downtime.choose')} disabled={!mayCode} comboboxProps={{ width: 200 }} value={stop.reason} allowDeselect={false}
                        data={[...new Set([...REASONS, ...(stop.reason ? [stop.reason] : [])])].map((reason) => ({ value: reason, label: (REASONS as readonly string[]).includes(reason) ? t(`reason.${reason}`) : reason }))}
                        onChange={(reason) => reason && code.mutate({ stop, reason })} />
                      {stop.code !== null && <Text size="xs" c="dimmed">{t(stop.by === 'machine' ? 'downtime.byMachine' : 'downtime.code', { code: stop.code })}</Text>}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Scroll>
        )}
      </Answer>
    </Panel>
  );
}
