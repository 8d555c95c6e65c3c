/** One finding in full: what says so, which sensors, how they looked, and the way to whatever found it and what became of it. */
import { Box, Select, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { Finding, SensorPart, StrongestStep } from '../api/types';
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
  const strongest = strongestOf(one);
  const leading = (strongest?.explanation ?? []).slice(0, 2).map((part) => part.sensor);
  const paths = [...new Set([...(evidence.property ? [evidence.property] : []), ...leading, ...sensors.map((each) => each.property)])];
  const unit = unitText(useQuery({ ...q.latest(evidence.property ? [evidence.property] : []), refetchInterval: false }).data?.items[0]?.unit);
  return (
    <Box data-evidence={one.id}>
      {says ? <Text size="sm" mb="sm" className="wrap"><Said text={says} /></Text> : one.kind === 'anomaly' && <Text size="sm" mb="sm">{t('finding.fitNoMore')}</Text>}
      <Facts of={[
        [t('word.asset'), one.asset],
        [t('finding.when'), `${f.when(start)}${evidence.lasts ? `, ${t('finding.lasts')}` : evidence.end ? ` – ${f.when(evidence.end)}` : ''}`],
        [t('finding.score'), `${t('finding.scoreOf', { score: f.number(highest(one)) })}${strongest && one.score !== strongest.score ? `; ${t('finding.scoreFirst', { score: f.number(one.score) })}` : ''}`],
        [t('finding.mode'), words.mode(one)],
        ...(typeof evidence.value === 'number' ? [[t('alarm.value'), `${f.number(evidence.value)} > ${f.number(evidence.limit)} ${unit}`] as const] : []),
        [t('finding.from'), <Finder key="f" of={one} />],
        [t('word.case'), one.case_id ? <Link key="c" to="/cases/$id" params={{ id: one.case_id }}>{t('word.open')}</Link> : t('finding.noCase')],
        [t('finding.label'), <FindingLabel key="l" finding={one} wide />],
      ]} />
      {strongest && <Strongest of={strongest} finding={one} />}
      {(sensors.length > 1 || (evidence.explanation ?? []).length > 0) && (
        <Box mt="sm" data-beginning>
          {strongest && <Text size="sm" fw={600}>{t('finding.atBeginning', { at: f.when(evidence.explained_at ?? start) })}</Text>}
          <Sensors parts={beginning(one)} asset={one.asset} />
        </Box>
      )}
      {start && <Signal paths={paths} start={start} end={evidence.end ?? one.raised ?? null} limit={evidence.limit ?? null} />}
    </Box>
  );
}

/** The score a finding has come to. */
export function highest(one: Finding): number | null {
  return strongestOf(one)?.score ?? one.score;
}

/** The strongest step, if it is told as models tell it: anybody may file a finding with evidence of their own. */
function strongestOf(one: Finding): StrongestStep | undefined {
  const told = one.evidence?.strongest;
  return typeof told?.score === 'number' && Array.isArray(told.explanation) ? told : undefined;
}

/** The sensors of the beginning, each with what the model expected where it said so. */
function beginning(one: Finding): Shown[] {
  const told = new Map((one.evidence?.explanation ?? []).map((part) => [part.sensor, part]));
  return (one.sensors ?? []).map((each) => ({ ...told.get(each.property), sensor: each.property, share: each.share }));
}

/** The step of the alert that says most, with the time it was; whoever opens a finding late needs this one first. */
function Strongest({ of: step, finding }: { of: StrongestStep; finding: Finding }) {
  const { t } = useTranslation();
  const f = useFormat();
  const shown = step.explanation.filter((part, n) => n < 3 || part.share >= LEAST_SHARE);
  const rest = (step.rest ?? 0) + step.explanation.filter((part) => !shown.includes(part)).reduce((sum, part) => sum + part.share, 0);
  return (
    <Box mt="sm" data-strongest>
      <Text size="sm" fw={600}>{step.at ? t(finding.evidence?.lasts ? 'finding.strongestSoFar' : 'finding.strongest', { at: f.when(step.at) }) : t('finding.strongestSome')}</Text>
      {step.explanation.length > 0 ? <Sensors parts={shown} rest={rest} asset={finding.asset} /> : <Text size="sm" c="dimmed">{t('finding.onlyScore')}</Text>}
    </Box>
  );
}

const LEAST_SHARE = 0.02;
type Shown = Pick<SensorPart, 'sensor' | 'share'> & Partial<SensorPart>;

/** The shares, and beside them what the model expected where it said so; `rest`: of the sensors that are not named. */
function Sensors({ parts, rest = 0, asset }: { parts: readonly Shown[]; rest?: number; asset: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  const told = parts.some((part) => part.expected !== undefined);
  return (
    <Scroll minWidth={told ? 310 : 240}>
      <Table mt={4} horizontalSpacing={6}>
        <Table.Thead><Table.Tr><Table.Th>{t('word.property')}</Table.Th><Table.Th className="figure">{t('models.share')}</Table.Th>{told && <><Table.Th className="figure">{t('models.observed')}</Table.Th><Table.Th className="figure">{t('finding.expected')}</Table.Th><Table.Th className="figure"><abbr title={t('models.z')}>z</abbr></Table.Th></>}</Table.Tr></Table.Thead>
        <Table.Tbody>
          {parts.map((each) => (
            <Table.Tr key={each.sensor}>
              <Table.Td miw={90} style={{ overflowWrap: 'anywhere' }}>{short(each.sensor, asset)}</Table.Td><Table.Td className="figure">{f.percent(each.share, 0)}</Table.Td>
              {told && <><Table.Td className="figure">{f.number(each.observed, 2)}</Table.Td><Table.Td className="figure">{f.number(each.expected, 2)}</Table.Td><Table.Td className="figure">{f.number(each.marginal_z, 1)}</Table.Td></>}
            </Table.Tr>
          ))}
          {rest >= 0.005 && <Table.Tr><Table.Td c="dimmed">{t('finding.others')}</Table.Td><Table.Td className="figure" c="dimmed">{f.percent(rest, 0)}</Table.Td>{told && <Table.Td colSpan={3} />}</Table.Tr>}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}
