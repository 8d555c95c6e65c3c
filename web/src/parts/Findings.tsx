/** What detectors found, what people said it turned out to be, and how often each detector was right. */
import { Box, Drawer, Group, SegmentedControl, Table, Text, TextInput, UnstyledButton } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { al, type Precision } from '../api/alarms';
import { q } from '../api/queries';
import type { Finding } from '../api/types';
import { useFormat } from '../format/useFormat';
import { FindingEvidence, FindingLabel, highest, LABELS, useFindingWords } from './FindingEvidence';
import { Listed } from './Listed';
import { Answer, Panel } from './Page';
import { Scroll } from './Scroll';

export function FindingPanels() {
  const { t } = useTranslation();
  const findings = useQuery(q.findings);
  const precision = useQuery(al.precision);
  const [which, setWhich] = useState<'open' | 'all'>('all');
  const [search, setSearch] = useState('');
  return (
    <>
      <Panel title={t('finding.title')} mt="sm">
        <Text size="sm" c="dimmed" mb="xs">{t('finding.sub')}</Text>
        <Group gap="xs" mb="xs">
          <TextInput aria-label={t('finding.search')} placeholder={t('finding.search')} value={search} onChange={(event) => setSearch(event.currentTarget.value)} style={{ flex: '1 1 180px' }} maw={320} />
          <SegmentedControl size="sm" aria-label={t('finding.which')} value={which} onChange={(value) => setWhich(value as 'open' | 'all')} data={[{ value: 'all', label: t('finding.all') }, { value: 'open', label: t('finding.unlabelled') }]} />
        </Group>
        <Answer of={findings} empty={(list) => list.items.length === 0} none={t('finding.none')}>{(list) => <Findings items={sought(list.items, search, which === 'open')} />}</Answer>
      </Panel>
      <Panel title={t('finding.precision')} mt="sm">
        <Text size="sm" c="dimmed" mb="xs">{t('finding.precisionWhy')}</Text>
        <Answer of={precision} empty={(list) => list.items.length === 0} none={t('finding.none')}>{(list) => <Precisions items={list.items} />}</Answer>
      </Panel>
      <Opened items={findings.data?.items ?? []} />
    </>
  );
}

/** Those of an asset, a kind or a failure mode; those nobody has judged yet alone, if wanted. */
export function sought(items: readonly Finding[], search: string, unlabelled: boolean): Finding[] {
  const words = search.trim().toLowerCase();
  return items.filter((one) => (!unlabelled || !one.label) && (!words || `${one.asset} ${one.kind} ${one.failure_mode ?? ''}`.toLowerCase().includes(words)));
}

/** The finding the address names, over the page: its list stays where it was. */
function Opened({ items }: { items: readonly Finding[] }) {
  const { t } = useTranslation();
  const phone = useMediaQuery('(max-width: 48em)') ?? false;
  const { finding } = useSearch({ from: '/plant/alarms' });
  const navigate = useNavigate();
  const words = useFindingWords();
  const one = items.find((each) => each.id === finding);
  const close = (): void => void navigate({ to: '/alarms', search: ({ finding: _, ...rest }) => rest, replace: true });
  return (
    <Drawer opened={one !== undefined} onClose={close} position={phone ? 'bottom' : 'right'} size={phone ? '90%' : 560} title={one ? t('finding.detail', { kind: words.kind(one), asset: one.asset.split('/').at(-1) ?? '' }) : ''} closeButtonProps={{ 'aria-label': t('action.close') }}>
      {one && <FindingEvidence key={one.id} of={one} />}
    </Drawer>
  );
}

function Findings({ items }: { items: Finding[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const words = useFindingWords();
  const phone = useMediaQuery('(max-width: 48em)') ?? false;
  const navigate = useNavigate();
  const open = (one: Finding): void => void navigate({ to: '/alarms', search: (before) => ({ ...before, tab: 'alerts', finding: one.id }) });
  if (!items.length) return <Text c="dimmed" p="md">{t('finding.noneFound')}</Text>;
  if (phone) {
    return (
      <Box className="rows">{items.map((one) => (
        <UnstyledButton key={one.id} className="row-link" w="100%" onClick={() => open(one)} data-finding={one.id}>
          <Group justify="space-between" wrap="nowrap" gap="xs"><Text size="sm" fw={one.label ? 500 : 700}>{words.kind(one)}</Text><Text size="sm" fw={600}>{f.number(highest(one))}</Text></Group>
          <Text size="xs" c="dimmed" className="wrap">{one.asset}</Text>
          <Text size="xs">{f.when(one.raised)} · {one.label ? t(`findingLabel.${one.label}`) : t('finding.unlabelled')}</Text>
        </UnstyledButton>
      ))}</Box>
    );
  }
  return (
    <Scroll minWidth={620} mah={520}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('alarm.raised')}</Table.Th><Table.Th>{t('word.asset')}</Table.Th><Table.Th>{t('finding.kind')}</Table.Th><Table.Th className="figure">{t('finding.score')}</Table.Th><Table.Th>{t('finding.mode')}</Table.Th><Table.Th>{t('finding.label')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{items.map((one) => (
          <Table.Tr key={one.id} data-finding={one.id}>
            <Table.Td className="nowrap">{f.when(one.raised)}</Table.Td><Table.Td>{one.asset}</Table.Td>
            <Table.Td><UnstyledButton className="choice" fz="sm" aria-haspopup="dialog" onClick={() => open(one)}>{words.kind(one)}</UnstyledButton></Table.Td>
            <Table.Td className="figure">{f.number(highest(one))}</Table.Td><Table.Td>{words.mode(one)}</Table.Td><Table.Td><FindingLabel finding={one} /></Table.Td>
          </Table.Tr>
        ))}</Table.Tbody>
      </Table>
    </Scroll>
  );
}

function Precisions({ items }: { items: Precision[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const words = useFindingWords();
  const right = (one: Precision): string => {
    if (one.precision === null) return t(one.no_fault_found ? 'finding.unclear' : 'finding.unjudged');
    if (one.precision === one.precision_at_least) return f.percent(one.precision, 0);
    return t('finding.between', { from: f.percent(one.precision_at_least, 0), to: f.percent(one.precision, 0) });
  };
  return (
    <Listed name="precision" minWidth={680} figures={LABELS.length + 2} head={[t('word.asset'), t('finding.kind'), ...LABELS.map((one) => t(`findingLabel.${one}`)), t('finding.open'), t('finding.right')]}
      rows={items.map((one) => ({ key: `${one.asset} ${one.kind}`, cells: [one.asset, words.kind(one), ...LABELS.map((label) => one[label]), one.open, right(one)] }))} />
  );
}
