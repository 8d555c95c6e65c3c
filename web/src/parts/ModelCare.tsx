import { Anchor, Badge, Button, FileButton, Group, NativeSelect, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, ask, post } from '../api/client';
import { models, type MachineModel, type ModelVersion } from '../api/models';
import { useCommand, useGone } from '../api/queries';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Sure } from './Confirm';
import { Panel } from './Page';
import { Said } from './Said';

const DAYS = ['1', '7', '30', '90'];
const duration = (seconds: number): string => (seconds === 0 ? '' : seconds % 86_400 === 0 ? `${seconds / 86_400}d` : seconds % 3_600 === 0 ? `${seconds / 3_600}h` : seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`);

/** What is to be thought of the versions, the schedule of a model, and what goes in and out of it as a file. */
export function ModelCare({ of: one }: { of: MachineModel }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('models.edit');
  const ready = one.versions.filter((each) => each.state === 'ready');
  return (
    <Panel title={t('modelCare.title')}>
      <Stack gap="md">
        {ready.map((each) => <Judged key={each.number} of={each} />)}
        {one.next_training && <Text size="sm">{t('modelCare.next', { at: f.when(one.next_training) })}</Text>}
        {may && <Schedule key={one.version} of={one} />}
        <Files of={one} ready={ready} />
        <LabelFiles asset={one.asset} />
        {may && <Away of={one} />}
      </Stack>
    </Panel>
  );
}

/** Good, poor or not proven, as a word with its reasons; never a colour alone. */
function Judged({ of: each }: { of: ModelVersion }) {
  const { t } = useTranslation();
  const promotion = each.about.promotion;
  if (!each.verdict && !promotion && !each.about.taken_in) return null;
  return (
    <Group gap="xs" align="flex-start">
      <Text size="sm" fw={600}>{t('models.version', { number: each.number })}</Text>
      {each.verdict && <Badge color="slate" variant={each.verdict.quality === 'poor' ? 'filled' : 'outline'}>{t(`modelCare.quality.${each.verdict.quality}`)}</Badge>}
      <Text size="sm" className="wrap" style={{ flex: 1, minWidth: 220 }}>
        {each.verdict?.why.map((why, at) => <span key={why}>{at > 0 && '; '}<Said text={why} /></span>)}
        {each.about.taken_in && t('modelCare.takenIn')}
        {promotion && <Text component="span" size="sm" c="dimmed"> {t(promotion.taken_over ? 'modelCare.tookOver' : 'modelCare.waited')} <Said text={promotion.why} /></Text>}
      </Text>
    </Group>
  );
}

function Schedule({ of: one }: { of: MachineModel }) {
  const { t } = useTranslation();
  const [lookback, setLookback] = useState(duration(one.lookback_s));
  const [retrain, setRetrain] = useState(duration(one.retrain_s));
  const [delay, setDelay] = useState(duration(one.delay_s));
  const [promote, setPromote] = useState(one.promote);
  const [mode, setMode] = useState(one.failure_mode);
  const save = useCommand(() => ask(`anomaly-models/${one.id}`, { method: 'PATCH', body: { lookback, retrain, delay, promote, failure_mode: mode.trim(), version: one.version } }), ['anomaly-models'], () => report(t('word.saved')));
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <Text fw={600} size="sm">{t('modelCare.schedule')}</Text>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 5 }} spacing="xs" mt={4}>
        <TextInput label={t('models.lookback')} value={lookback} onChange={(event) => setLookback(event.currentTarget.value)} required />
        <TextInput label={t('models.retrain')} value={retrain} placeholder={t('models.byHand')} onChange={(event) => setRetrain(event.currentTarget.value)} />
        <NativeSelect label={t('models.promote')} value={promote} onChange={(event) => setPromote(event.currentTarget.value)} data={[{ value: 'by hand', label: t('models.waits') }, { value: 'better', label: t('models.ifBetter') }]} />
        <TextInput label={t('modelCare.delay')} value={delay} placeholder="0" onChange={(event) => setDelay(event.currentTarget.value)} />
        <TextInput label={t('modelCare.mode')} value={mode} maxLength={20} onChange={(event) => setMode(event.currentTarget.value)} />
      </SimpleGrid>
      <Text size="xs" c="dimmed" mt={4}>{t('modelCare.delayHint')}</Text>
      <Group mt="xs"><Button type="submit" size="compact-md" variant="default" loading={save.isPending}>{t('action.save')}</Button></Group>
    </form>
  );
}

function Files({ of: one, ready }: { of: MachineModel; ready: ModelVersion[] }) {
  const { t } = useTranslation();
  const may = useMay('models.edit');
  const [days, setDays] = useState('7');
  const [now] = useState(() => Date.now());
  const take = useCommand((file: File) => ask(`anomaly-models/${one.id}/versions`, { method: 'POST', body: file }), ['anomaly-models'], () => report(t('word.saved')));
  const start = new Date(now - Number(days) * 86_400_000).toISOString();
  return (
    <Stack gap={4}>
      <Text fw={600} size="sm">{t('modelCare.files')}</Text>
      {ready.length > 0 && (
        <Group gap="md" align="center">
          <Text size="sm">{t('modelCare.scores')}</Text>
          <NativeSelect size="xs" aria-label={t('window.label')} value={days} onChange={(event) => setDays(event.currentTarget.value)} data={DAYS.map((value) => ({ value, label: t('modelCare.days', { count: Number(value) }) }))} />
          {(['csv', 'parquet', 'jsonl'] as const).map((form) => <Anchor key={form} size="sm" underline="always" className="tap" download href={address(`anomaly-models/${one.id}/table`, { start, end: new Date(now).toISOString(), format: form })}>{t(`modelCare.form.${form}`)}</Anchor>)}
        </Group>
      )}
      <Group gap="md">
        {ready.length > 0 && <Anchor size="sm" underline="always" className="tap" download href={address(`anomaly-models/${one.id}/file`)}>{t('modelCare.save')}</Anchor>}
        {may && <FileButton onChange={(file) => file && take.mutate(file)} inputProps={{ 'aria-label': t('modelCare.take') }}>{(props) => <Button {...props} size="compact-sm" variant="default" loading={take.isPending}>{t('modelCare.take')}</Button>}</FileButton>}
      </Group>
    </Stack>
  );
}

interface Taken { rows: number; added: number; known: number }

function LabelFiles({ asset }: { asset: string }) {
  const { t } = useTranslation();
  const may = useMay('models.edit');
  const queries = useQueryClient();
  const [zone, setZone] = useState(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
  const take = useCommand((content: string) => post<Taken>('anomaly-labels/import', { content, asset, timezone: zone.trim() }), ['anomaly-labels'], (told) => { report(t('modelCare.labelsTaken', { added: told.added, known: told.known })); void queries.invalidateQueries({ queryKey: ['anomaly-models', 'backtest'] }); });
  return (
    <Stack gap={4}>
      <Text fw={600} size="sm">{t('modelCare.labels')}</Text>
      <Text size="sm" c="dimmed">{t('modelCare.labelsHow')}</Text>
      <Group gap="md" align="end">
        <Anchor size="sm" underline="always" className="tap" download href={address('anomaly-labels/table', { asset })}>{t('modelCare.labelsOut')}</Anchor>
        {may && <TextInput size="xs" label={t('modelCare.zone')} value={zone} onChange={(event) => setZone(event.currentTarget.value)} />}
        {may && <FileButton accept=".csv,.json,text/csv,application/json" onChange={(file) => file && void file.text().then((content) => take.mutate(content))} inputProps={{ 'aria-label': t('modelCare.labelsIn') }}>{(props) => <Button {...props} size="compact-sm" variant="default" loading={take.isPending}>{t('modelCare.labelsIn')}</Button>}</FileButton>}
      </Group>
    </Stack>
  );
}

function Away({ of: one }: { of: MachineModel }) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState(false);
  const working = one.active !== null || one.shadow !== null;
  const gone = useGone();
  const remove = useCommand(() => ask(`anomaly-models/${one.id}`, { method: 'DELETE', query: { version: one.version } }), [], () => { setAsking(false); report(t('modelCare.gone', { name: one.name })); gone(models.list.queryKey, one.id); });
  return (
    <Group gap="xs">
      <Button size="compact-sm" variant="default" disabled={working} onClick={() => setAsking(true)}>{t('modelCare.remove')}</Button>
      {working && <Text size="sm" c="dimmed">{t('modelCare.offFirst')}</Text>}
      {asking && <Sure title={t('modelCare.remove')} about={t('modelCare.removeWhy', { name: one.name })} confirm={t('modelCare.remove')} busy={remove.isPending} onDone={() => remove.mutate(undefined)} onClose={() => setAsking(false)} />}
    </Group>
  );
}
