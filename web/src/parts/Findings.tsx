/** What detectors found, what people said it turned out to be, and how often each detector was right. */
import { Select, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { al, type Precision } from '../api/alarms';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { Finding } from '../api/types';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, Panel } from './Page';
import { Scroll } from './Scroll';

const LABELS = ['confirmed', 'no_fault_found', 'false_alarm', 'neutral'] as const;

export function FindingPanels() {
  const { t } = useTranslation();
  const findings = useQuery(q.findings);
  const precision = useQuery(al.precision);
  return (
    <>
      <Panel title={t('finding.title')} mt="sm"><Answer of={findings} empty={(list) => list.items.length === 0} none={t('finding.none')}>{(list) => <Findings items={list.items} />}</Answer></Panel>
      <Panel title={t('finding.precision')} mt="sm">
        <Text size="sm" c="dimmed" mb="xs">{t('finding.precisionWhy')}</Text>
        <Answer of={precision} empty={(list) => list.items.length === 0} none={t('finding.none')}>{(list) => <Precisions items={list.items} />}</Answer>
      </Panel>
    </>
  );
}

function Findings({ items }: { items: Finding[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Scroll minWidth={620}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('alarm.raised')}</Table.Th><Table.Th>{t('word.asset')}</Table.Th><Table.Th>{t('finding.kind')}</Table.Th><Table.Th className="figure">{t('finding.score')}</Table.Th><Table.Th>{t('finding.mode')}</Table.Th><Table.Th>{t('finding.label')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{items.map((one) => <Table.Tr key={one.id}><Table.Td className="nowrap">{f.when(one.raised)}</Table.Td><Table.Td>{one.asset}</Table.Td><Table.Td>{one.kind}</Table.Td><Table.Td className="figure">{f.number(one.score)}</Table.Td><Table.Td>{one.failure_mode || '–'}</Table.Td><Table.Td><Label finding={one} /></Table.Td></Table.Tr>)}</Table.Tbody>
      </Table>
    </Scroll>
  );
}

function Label({ finding }: { finding: Finding }) {
  const { t } = useTranslation();
  const may = useMay('findings.label');
  const label = useCommand((value: string) => post(`findings/${finding.id}/label`, { label: value }), ['findings', 'alarms']);
  const words = (value: string): string => t(`findingLabel.${value}`);
  if (!may) return <>{finding.label ? words(finding.label) : '–'}</>;
  return <Select size="xs" miw={150} aria-label={t('finding.labelOf', { asset: finding.asset })} placeholder="–" value={finding.label} allowDeselect={false} onChange={(value) => value && label.mutate(value)} data={LABELS.map((value) => ({ value, label: words(value) }))} />;
}

function Precisions({ items }: { items: Precision[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const right = (one: Precision): string => {
    if (one.precision === null) return t(one.no_fault_found ? 'finding.unclear' : 'finding.unjudged');
    if (one.precision === one.precision_at_least) return f.percent(one.precision, 0);
    return t('finding.between', { from: f.percent(one.precision_at_least, 0), to: f.percent(one.precision, 0) });
  };
  return (
    <Scroll minWidth={680}>
      <Table data-precision>
        <Table.Thead><Table.Tr><Table.Th>{t('word.asset')}</Table.Th><Table.Th>{t('finding.kind')}</Table.Th>{LABELS.map((one) => <Table.Th key={one} className="figure">{t(`findingLabel.${one}`)}</Table.Th>)}<Table.Th className="figure">{t('finding.open')}</Table.Th><Table.Th className="figure">{t('finding.right')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{items.map((one) => (
          <Table.Tr key={`${one.asset} ${one.kind}`}><Table.Td>{one.asset}</Table.Td><Table.Td>{one.kind}</Table.Td>{LABELS.map((label) => <Table.Td key={label} className="figure">{one[label]}</Table.Td>)}<Table.Td className="figure">{one.open}</Table.Td>
            <Table.Td className="figure">{right(one)}</Table.Td></Table.Tr>
        ))}</Table.Tbody>
      </Table>
    </Scroll>
  );
}
