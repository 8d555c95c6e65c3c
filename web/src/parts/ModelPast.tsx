import { ActionIcon, Alert, Button, Group, NativeSelect, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { IconCheck, IconDownload, IconTrash, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, ask, post } from '../api/client';
import { models, type Backtest, type MachineModel, type ModelAlert, type PastLabel } from '../api/models';
import { useCommand } from '../api/queries';
import { explain } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { AlertList, running } from './ModelAlerts';
import { Panel } from './Page';

const DAYS: Record<string, number> = { '1d': 1, '7d': 7, '30d': 30, '90d': 90, '365d': 365 };
/** So many rows are scored at once (detect/machines/machines.py). */
const MOST_ROWS = 1_500_000;

/** The spans that can be tried with rows so fine. */
export const spansFor = (seconds: number): string[] => Object.keys(DAYS).filter((span) => ((DAYS[span] ?? 0) * 86_400) / Math.max(1e-3, seconds) <= MOST_ROWS);

/** What a version would have raised over the past, held against what people know; what they know; the version as a file. */
export function Past({ of: one }: { of: MachineModel }) {
  const { t } = useTranslation();
  const f = useFormat();
  const ready = one.versions.filter((each) => each.state === 'ready');
  const spans = spansFor(one.every_s);
  const [number, setNumber] = useState(one.active ?? one.shadow ?? ready[0]?.number ?? 1);
  const [span, setSpan] = useState(spans.includes('90d') ? '90d' : (spans.at(-1) ?? '1d'));
  const [asked, setAsked] = useState(false);
  const [taken, setTaken] = useState<ModelAlert | null>(null);
  const may = useMay('models.edit');
  const answer = useQuery({ ...models.backtest(one.id, number, DAYS[span] ?? 90), enabled: asked });
  return (
    <Panel
      title={t('models.past')}
      extra={(
        <Group gap="xs">
          {ready.length > 1 && <NativeSelect size="xs" aria-label={t('models.whichVersion')} value={String(number)} onChange={(event) => setNumber(Number(event.currentTarget.value))} data={ready.map((each) => ({ value: String(each.number), label: t('models.version', { number: each.number }) }))} />}
          <Button size="compact-md" variant="default" component="a" href={address(`anomaly-models/${one.id}/export`, { number })} download leftSection={<IconDownload size={16} aria-hidden />}>{t('models.export')}</Button>
        </Group>
      )}
    >
      <Stack gap="xs">
        <Group gap="xs">
          <SegmentedControl size="xs" aria-label={t('window.label')} value={span} onChange={setSpan} data={spans.map((value) => ({ value, label: f.span((DAYS[value] ?? 1) * 86_400) }))} />
          <Button size="compact-md" loading={answer.isFetching} onClick={() => setAsked(true)}>{t('models.tryPast')}</Button>
        </Group>
        {answer.isError && <Alert variant="outline" color="slate" title={explain(answer.error).title}>{explain(answer.error).detail} {explain(answer.error).hint}</Alert>}
        {answer.data && <Told of={answer.data} asset={one.asset} onTake={may ? setTaken : undefined} />}
        <Labels key={taken?.start ?? 'own'} asset={one.asset} taken={taken} />
      </Stack>
    </Panel>
  );
}

function Told({ of: told, asset, onTake }: { of: Backtest; asset: string; onTake: ((alert: ModelAlert) => void) | undefined }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <>
      <Text size="sm">{t('models.wouldHave', { count: told.alerts.length, span: running(told.days, f) })}{told.anomalies > 0 && ` ${t('models.foundOf', { found: told.found, all: told.anomalies, wrong: told.false_alarms })}`}</Text>
      <AlertList items={told.alerts} asset={asset} onTake={onTake} />
      {told.labels.map((each) => (
        <Group key={each.start} gap={6} wrap="nowrap">
          {each.raised ? <IconCheck size={16} aria-hidden /> : <IconX size={16} aria-hidden />}
          <Text size="sm">{each.code || t('models.anomaly')} {f.when(each.start)} – {f.when(each.end)}: {each.raised ? t('models.raisedAt', { at: f.when(each.raised) }) : t('models.notRaised')}</Text>
        </Group>
      ))}
    </>
  );
}

/** A moment as the reader's clock says it, for a field of the browser. */
const local = (when: string | null | undefined): string => (when ? new Date(Date.parse(when) - new Date(when).getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : '');

function Labels({ asset, taken }: { asset: string; taken: ModelAlert | null }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('models.edit');
  const list = useQuery(models.labels(asset));
  const [start, setStart] = useState(local(taken?.start));
  const [end, setEnd] = useState(local(taken?.end ?? (taken ? new Date().toISOString() : null)));
  const [kind, setKind] = useState('anomaly');
  const [code, setCode] = useState('');
  const add = useCommand(() => post('anomaly-labels', { asset, start: new Date(start).toISOString(), end: new Date(end).toISOString(), kind, code: code.trim() }), ['anomaly-labels'], () => { setStart(''); setEnd(''); setCode(''); });
  const remove = useCommand((id: string) => ask(`anomaly-labels/${id}`, { method: 'DELETE' }), ['anomaly-labels']);
  const said = (one: PastLabel): string => `${t(`models.kinds.${one.kind}`)}${one.code && ` ${one.code}`}: ${f.when(one.start)} – ${f.when(one.end)}${one.by ? ` · ${one.by}` : ''}`;
  return (
    <Stack gap={4}>
      <Text fw={600} size="sm">{t('models.labels')}</Text>
      <Text size="sm" c="dimmed">{t('models.labelsHint')}</Text>
      {list.data?.items.map((one) => (
        <Group key={one.id} gap={6} wrap="nowrap">
          <Text size="sm">{said(one)}</Text>
          {may && <ActionIcon variant="subtle" color="slate" aria-label={t('models.unlabel', { label: said(one) })} onClick={() => remove.mutate(one.id)}><IconTrash size={16} aria-hidden /></ActionIcon>}
        </Group>
      ))}
      {may && (
        <Group gap="xs" align="end">
          <TextInput size="xs" type="datetime-local" label={t('models.from')} value={start} autoFocus={taken !== null} onChange={(event) => setStart(event.currentTarget.value)} />
          <TextInput size="xs" type="datetime-local" label={t('models.to')} value={end} onChange={(event) => setEnd(event.currentTarget.value)} />
          <NativeSelect size="xs" label={t('models.kind')} value={kind} onChange={(event) => setKind(event.currentTarget.value)} data={['anomaly', 'normal', 'neutral'].map((value) => ({ value, label: t(`models.kinds.${value}`) }))} />
          <TextInput size="xs" w={110} label={t('models.code')} value={code} onChange={(event) => setCode(event.currentTarget.value)} />
          <Button size="xs" variant="default" disabled={!start || !end || start >= end} loading={add.isPending} onClick={() => add.mutate(undefined)}>{t('models.label')}</Button>
        </Group>
      )}
    </Stack>
  );
}
