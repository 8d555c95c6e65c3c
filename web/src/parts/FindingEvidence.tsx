/** One finding in full: what says so, which sensors, how they looked, and the way to whatever found it and what became of it. */
import { Box, Select, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { Finding } from '../api/types';
import { useMay } from '../app/session';
import { unitText } from '../format/format';
import { useFormat } from '../format/useFormat';
import { short } from './ModelAlerts';
import { Facts } from './Page';
import { Said } from './Said';
import { Scroll } from './Scroll';
import { Signal } from './Signal';

export const LABELS = ['confirmed', 'no_fault_found', 'false_alarm', 'neutral'] as const;

export function useFindingWords(): { kind: (one: { kind: string }) => string; mode: (one: { failure_mode: string | null }) => string } {
  const { t } = useTranslation();
  return {
    kind: (one) => t(`findingKind.${one.kind}`, { defaultValue: one.kind }),
    mode: (one) => (one.failure_mode ? t(`code.mode.${one.failure_mode}`, { defaultValue: one.failure_mode }) : '–'),
  };
}

export function FindingLabel({ finding, wide = false }: { finding: Finding; wide?: boolean }) {
  const { t } = useTranslation();
  const may = useMay('findings.label');
  const label = useCommand((value: string) => post(`findings/${finding.id}/label`, { label: value, version: finding.version }), ['findings', 'alarms']);
  const words = (value: string): string => t(`findingLabel.${value}`);
  if (!may) return <>{finding.label ? words(finding.label) : wide ? t('finding.mayNot') : '–'}</>;
  return <Select size={wide ? 'sm' : 'xs'} miw={150} maw={260} disabled={label.isPending} aria-label={t('finding.labelOf', { asset: finding.asset })} placeholder={t('finding.unlabelled')} value={finding.label} allowDeselect={false} onChange={(value) => value && label.mutate(value)} data={LABELS.map((value) => ({ value, label: words(value) }))} />;
}

/** What found it, as a way there. */
function Finder({ of: one }: { of: Finding }) {
  const { t } = useTranslation();
  const { evidence } = one;
  if (evidence?.model_id) return <Link to="/models" search={{ model: evidence.model_id }}>{t('finding.toModel', { name: evidence.model ?? '', version: evidence.version ?? '–' })}</Link>;
  if (evidence?.position_id) return <Link to="/condition" search={{ position: evidence.position_id }}>{t('finding.toPosition', { name: evidence.position?.split('/').at(-1) ?? '' })}</Link>;
  if (evidence?.fleet_id) return <Link to="/life" search={{ of: `${evidence.fleet_id} ${one.asset}` }}>{t('finding.toLife', { name: evidence.fleet ?? '' })}</Link>;
  return <>{one.by ?? '–'}</>;
}

export function FindingEvidence({ of: one }: { of: Finding }) {
  const { t } = useTranslation();
  const f = useFormat();
  const words = useFindingWords();
  const evidence = one.evidence ?? {};
  const sensors = one.sensors ?? [];
  const says = evidence.says ?? evidence.text;
  const start = evidence.start ?? one.raised;
  const paths = [...new Set([...(evidence.property ? [evidence.property] : []), ...sensors.map((each) => each.property)])];
  const unit = unitText(useQuery({ ...q.latest(evidence.property ? [evidence.property] : []), refetchInterval: false }).data?.items[0]?.unit);
  return (
    <Box data-evidence={one.id}>
      {says ? <Text size="sm" mb="sm" className="wrap"><Said text={says} /></Text> : one.kind === 'anomaly' && <Text size="sm" mb="sm">{t('finding.fitNoMore')}</Text>}
      <Facts of={[
        [t('word.asset'), one.asset],
        [t('finding.when'), `${f.when(start)}${evidence.end ? ` – ${f.when(evidence.end)}` : ''}`],
        [t('finding.score'), t('finding.scoreOf', { score: f.number(one.score) })],
        [t('finding.mode'), words.mode(one)],
        ...(typeof evidence.value === 'number' ? [[t('alarm.value'), `${f.number(evidence.value)} > ${f.number(evidence.limit)} ${unit}`] as const] : []),
        [t('finding.from'), <Finder key="f" of={one} />],
        [t('word.case'), one.case_id ? <Link key="c" to="/cases/$id" params={{ id: one.case_id }}>{t('word.open')}</Link> : t('finding.noCase')],
        [t('finding.label'), <FindingLabel key="l" finding={one} wide />],
      ]} />
      {(sensors.length > 1 || (evidence.explanation ?? []).length > 0) && <Sensors of={one} />}
      {start && <Signal paths={paths} start={start} end={evidence.end ?? one.raised ?? null} limit={evidence.limit ?? null} />}
    </Box>
  );
}

/** The shares, and beside them what the model expected where it said so. */
function Sensors({ of: one }: { of: Finding }) {
  const { t } = useTranslation();
  const f = useFormat();
  const told = new Map((one.evidence?.explanation ?? []).map((part) => [part.sensor, part]));
  return (
    <Scroll minWidth={told.size ? 420 : 240}>
      <Table mt="sm">
        <Table.Thead><Table.Tr><Table.Th>{t('word.property')}</Table.Th><Table.Th className="figure">{t('models.share')}</Table.Th>{told.size > 0 && <><Table.Th className="figure">{t('models.observed')}</Table.Th><Table.Th className="figure">{t('models.expected')}</Table.Th></>}</Table.Tr></Table.Thead>
        <Table.Tbody>{(one.sensors ?? []).map((each) => (
          <Table.Tr key={each.property}>
            <Table.Td className="wrap">{short(each.property, one.asset)}</Table.Td><Table.Td className="figure">{f.percent(each.share, 0)}</Table.Td>
            {told.size > 0 && <><Table.Td className="figure">{f.number(told.get(each.property)?.observed, 2)}</Table.Td><Table.Td className="figure">{f.number(told.get(each.property)?.expected, 2)}</Table.Td></>}
          </Table.Tr>
        ))}</Table.Tbody>
      </Table>
    </Scroll>
  );
}
