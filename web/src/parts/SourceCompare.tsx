/** Two sources that run in parallel, tag by tag: what would be lost, what differs, what comes later. */
import { Button, Group, NumberInput, Select, Table, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { compare, type SourceLine } from '../api/discovery';
import { useCommand } from '../api/queries';
import { useFormat } from '../format/useFormat';
import { Panel } from './Page';
import { Scroll } from './Scroll';

const PERIODS = ['10m', '1h', '8h', '1d', '7d'] as const;

export function SourceCompare({ sources }: { sources: readonly SourceLine[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [old, setOld] = useState<string | null>(null);
  const [fresh, setFresh] = useState<string | null>(null);
  const [since, setSince] = useState<string>('1h');
  const [within, setWithin] = useState(0);
  const told = useCommand(() => compare(old ?? '', fresh ?? '', since, within), []);
  const names = sources.map((one) => one.name);
  const second = (n: number | null): string => (n === null ? '–' : `${n > 0 ? '+' : ''}${f.number(n, 2)} s`);
  return (
    <Panel title={t('compare.title')} mt="var(--mantine-spacing-sm)">
      <Text size="sm" c="dimmed" mb="xs">{t('compare.sub')}</Text>
      <Group align="flex-end" gap="xs" data-compare>
        <Select label={t('compare.old')} data={names} value={old} onChange={setOld} w={{ base: '100%', xs: 190 }} />
        <Select label={t('compare.new')} data={names} value={fresh} onChange={setFresh} w={{ base: '100%', xs: 190 }} />
        <Select label={t('compare.since')} allowDeselect={false} data={PERIODS.map((value) => ({ value, label: t(`compare.period.${value}`) }))} value={since} onChange={(value) => value && setSince(value)} w={140} />
        <NumberInput label={t('compare.within')} value={within} min={0} onChange={(value) => setWithin(typeof value === 'number' ? value : 0)} w={150} />
        <Button disabled={!old || !fresh || old === fresh} loading={told.isPending} onClick={() => told.mutate(undefined)}>{t('compare.run')}</Button>
      </Group>
      {told.data && (
        <Scroll minWidth={760}>
          <Table mt="xs" data-compared>
            <Table.Thead><Table.Tr>{['tag', 'verdict', 'rows', 'equal', 'largest', 'at', 'late'].map((name) => <Table.Th key={name} className={['rows', 'equal', 'largest', 'late'].includes(name) ? 'figure' : undefined}>{t(`compare.${name}`)}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>
              {told.data.items.map((one) => (
                <Table.Tr key={`${one.old} ${one.new}`}>
                  <Table.Td className="mono wrap">{one.old === one.new ? one.old : `${one.old} = ${one.new}`}</Table.Td>
                  <Table.Td fw={one.verdict === 'same' ? undefined : 700}>{t(`compare.said.${one.verdict}`)}</Table.Td>
                  <Table.Td className="figure">{f.number(one.old_rows)} / {f.number(one.new_rows)}</Table.Td>
                  <Table.Td className="figure">{one.compared ? t('compare.of', { n: f.number(one.equal), of: f.number(one.compared) }) : '–'}</Table.Td>
                  <Table.Td className="figure">{one.largest === null ? '–' : f.number(one.largest, 3)}</Table.Td>
                  <Table.Td>{one.apart_at ? f.when(one.apart_at) : '–'}</Table.Td>
                  <Table.Td className="figure">{second(one.late_s)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Panel>
  );
}
