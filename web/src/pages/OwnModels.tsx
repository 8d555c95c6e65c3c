import { Alert, Badge, Box, Button, Checkbox, FileInput, Group, Select, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask, post } from '../api/client';
import { own, type OwnModel, type OwnVersion, type Scorer } from '../api/life';
import { q, useCommand } from '../api/queries';
import { explain, report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Sure } from '../parts/Confirm';
import { Listed } from '../parts/Listed';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { PropertyPick } from '../parts/PropertyPick';
import { Said } from '../parts/Said';
import { TargetPick } from '../parts/TargetPick';

const KINDS = ['onnx', 'lightgbm', 'sklearn', 'python'] as const;
const CODE: readonly string[] = ['sklearn', 'python'];
const STAGES = ['new', 'staging', 'production', 'archived'];

/** Models that somebody brought along: versions, who trusts them, what they score. */
export default function OwnModels() {
  const { t } = useTranslation();
  const may = useMay('models.edit');
  const [making, setMaking] = useState(false);
  const { name: chosen } = useSearch({ from: '/plant/registry' });
  const navigate = useNavigate();
  const setChosen = (id: string): void => void navigate({ to: '/registry', search: { name: id }, replace: true });
  const list = useQuery(own.models);
  const one = list.data?.items.find((each) => each.name === chosen) ?? list.data?.items[0];
  return (
    <>
      <PageHead title={t('nav.registry')} sub={t('own.sub')}>{may && <Button onClick={() => setMaking(!making)} aria-expanded={making}>{t('own.create')}</Button>}</PageHead>
      <Stack gap="sm">
        {making && <Create onDone={(name) => { setMaking(false); if (name) setChosen(name); }} />}
        <Answer of={list} empty={(page) => page.items.length === 0} none={t('own.none')}>
          {(page) => (
            <>
              <Panel title={t('own.all')}>
                <Listed head={[t('models.name'), t('own.about'), t('own.production'), t('own.scorers')]} minWidth={520} rows={page.items.map((each) => ({ key: each.id, cells: [
                  <Button key="n" variant={each.name === one?.name ? 'filled' : 'default'} size="compact-md" aria-pressed={each.name === one?.name} onClick={() => setChosen(each.name)}>{each.name}</Button>,
                  each.about || each.asset || '–',
                  each.production === null ? '–' : t('models.version', { number: each.production }),
                  <span key="s">{each.scorers.some((s) => s.error) && <IconAlertTriangle size={16} color="var(--alarm-2)" aria-label={t('own.failing')} />} {each.scorers.length}</span>,
                ] }))} />
              </Panel>
              {one && <Versions key={`v${one.id}`} of={one} />}
              {one && one.versions.length > 0 && <Try key={`t${one.id}`} of={one} />}
              {one && one.versions.length > 0 && <Scorers key={`s${one.id}`} of={one} />}
              {one && may && <Register key={`r${one.id}`} of={one} />}
            </>
          )}
        </Answer>
      </Stack>
    </>
  );
}

function Create({ onDone }: { onDone: (name?: string) => void }) {
  const { t } = useTranslation();
  const assets = useQuery(q.assets).data?.items ?? [];
  const [name, setName] = useState('');
  const [asset, setAsset] = useState<string | null>(null);
  const [about, setAbout] = useState('');
  const make = useCommand(() => post<OwnModel>('models', { name: name.trim(), asset: asset ?? '', about }), ['models'], (made) => onDone(made.name));
  return (
    <Panel title={t('own.create')}>
      <Stack gap="xs">
        <TextInput label={t('models.name')} description={t('own.nameHint')} value={name} onChange={(event) => setName(event.currentTarget.value)} required />
        <Select label={t('word.asset')} searchable clearable value={asset} onChange={setAsset} data={assets.map((one) => one.path)} />
        <TextInput label={t('own.about')} value={about} onChange={(event) => setAbout(event.currentTarget.value)} />
        <Group><Button disabled={!name.trim()} loading={make.isPending} onClick={() => make.mutate(undefined)}>{t('models.create')}</Button><Button variant="subtle" onClick={() => onDone()}>{t('action.cancel')}</Button></Group>
      </Stack>
    </Panel>
  );
}

function Versions({ of: one }: { of: OwnModel }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('models.edit');
  const stage = useCommand(({ number, to }: { number: number; to: string }) => post(`models/${one.name}/stage`, { number, stage: to, version: one.version }), ['models'], () => report(t('word.saved')));
  return (
    <Panel title={t('models.versions', { name: one.name })}>
      <Stack gap="xs">
        {one.versions.length === 0 && <Text c="dimmed">{t('own.noVersion')}</Text>}
        {one.versions.map((each) => (
          <Box key={each.number} pt="xs" style={{ borderTop: '1px solid var(--line)' }}>
            <Group justify="space-between" gap="xs">
              <Group gap="xs"><Text fw={600}>{t('models.version', { number: each.number })}</Text><Badge color="slate" variant={each.stage === 'production' ? 'filled' : 'outline'}>{each.forgotten ? t('models.state.forgotten') : t(`own.stages.${each.stage}`)}</Badge><Text size="sm" c="dimmed">{f.when(each.created)}{each.by && ` · ${each.by}`}</Text></Group>
              {may && !each.forgotten && <Group gap="xs"><Select size="xs" w={150} aria-label={t('own.stageOf', { number: each.number })} value={each.stage} allowDeselect={false} onChange={(value) => value && stage.mutate({ number: each.number, to: value })} data={STAGES.map((value) => ({ value, label: t(`own.stages.${value}`) }))} /><Button size="compact-sm" variant="default" component="a" href={`/api/v1/models/${one.name}/versions/${each.number}/mlflow`} download>{t('own.mlflow')}</Button></Group>}
            </Group>
            {each.forgotten && <Text size="sm" c="dimmed" className="wrap">{t('own.forgotten', { when: f.day(each.forgotten) })}</Text>}
            <VersionFacts of={each} />
          </Box>
        ))}
      </Stack>
    </Panel>
  );
}

function VersionFacts({ of: one }: { of: OwnVersion }) {
  const { t } = useTranslation();
  const f = useFormat();
  const metrics = Object.entries(one.metrics).map(([name, value]) => `${name} ${f.number(value, 3)}`).join(', ');
  const lineage = Object.entries(one.lineage).filter(([, value]) => value !== null && value !== '').map(([name, value]) => `${name}: ${String(value)}`).join(', ');
  return (
    <Facts of={[
      [t('own.kind'), `${t(`own.kinds.${one.kind}`)} (${one.library})`],
      [t('own.ends'), `${one.inputs.join(', ')} → ${one.outputs.join(', ')}`],
      [t('own.window'), one.start || one.end ? `${one.start ? f.when(one.start) : '…'} – ${one.end ? f.when(one.end) : '…'}` : '–'],
      [t('own.metrics'), metrics || '–'],
      [t('own.lineage'), lineage || '–'],
      ['SHA-256', <Text key="h" size="sm" ff="monospace" component="span" style={{ overflowWrap: 'anywhere' }}>{one.sha256}</Text>],
      ...(one.trusted_by ? [[t('own.trustedBy'), <><IconAlertTriangle size={14} aria-hidden /> {one.trusted_by}</>] as const] : []),
    ]} />
  );
}

function Try({ of: one }: { of: OwnModel }) {
  const { t } = useTranslation();
  const f = useFormat();
  const number = one.production ?? one.versions[0]?.number;
  const inputs = one.versions.find((each) => each.number === number)?.inputs ?? [];
  const [values, setValues] = useState<Record<string, string>>({});
  const row = Object.fromEntries(inputs.map((name) => [name, Number((values[name] ?? '').replace(',', '.'))]));
  const whole = inputs.every((name) => (values[name] ?? '').trim() !== '' && Number.isFinite(row[name]));
  const predict = useCommand(() => post<{ number: number; outputs: Record<string, (number | string | null)[]> }>(`models/${one.name}/predict`, { rows: [row], number }), []);
  if (!useMay('models.predict') || inputs.length > 12) return null;
  return (
    <Panel title={t('own.try', { number })}>
      <Group align="flex-end" gap="xs">
        {inputs.map((name) => <TextInput key={name} w={140} label={name} inputMode="decimal" value={values[name] ?? ''} onChange={(event) => { const text = event.currentTarget.value; setValues((old) => ({ ...old, [name]: text })); }} />)}
        <Button disabled={!whole} loading={predict.isPending} onClick={() => predict.mutate(undefined)}>{t('own.predict')}</Button>
      </Group>
      {predict.data && <Text mt="xs" role="status">{Object.entries(predict.data.outputs).map(([name, told]) => `${name}: ${typeof told[0] === 'number' ? f.number(told[0], 4) : String(told[0] ?? '–')}`).join(' · ')}</Text>}
    </Panel>
  );
}

function Scorers({ of: one }: { of: OwnModel }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('models.edit');
  const [making, setMaking] = useState(false);
  const [ending, setEnding] = useState<Scorer | null>(null);
  const end = useCommand((id: string) => ask(`models/${one.name}/scorers/${id}`, { method: 'DELETE' }), ['models'], () => { setEnding(null); report(t('word.saved')); });
  return (
    <Panel title={t('own.scorers')} extra={may && <Button size="compact-md" variant="default" aria-expanded={making} onClick={() => setMaking(!making)}>{t('own.score')}</Button>}>
      {ending && <Sure title={t('own.end')} about={t('own.endWhy', { property: ending.property })} confirm={t('own.end')} busy={end.isPending} onDone={() => end.mutate(ending.id)} onClose={() => setEnding(null)} />}
      {one.scorers.length === 0 && !making && <Text c="dimmed">{t('own.noScorer')}</Text>}
      {making && <Score of={one} onDone={() => setMaking(false)} />}
      {one.scorers.map((each) => (
        <Box key={each.id} pt="xs">
          <Group justify="space-between" gap="xs"><Text fw={600} className="wrap">{each.property}</Text>{may && <Button size="compact-sm" variant="default" onClick={() => setEnding(each)}>{t('own.end')}</Button>}</Group>
          <Text size="sm">{t(each.mode === 'streaming' ? 'own.streaming' : 'own.scheduled', { every: f.span(each.every_s) })} · {t('own.scored', { rows: f.number(each.rows, 0), skipped: f.number(each.skipped, 0) })}</Text>
          <Text size="sm" c="dimmed" className="wrap">{Object.entries(each.inputs).map(([name, path]) => `${name} = ${path}`).join(', ')}</Text>
          {each.error && <Text size="sm" className="wrap"><IconAlertTriangle size={14} aria-hidden color="var(--alarm-2)" /> <Said text={each.error} /></Text>}
        </Box>
      ))}
    </Panel>
  );
}

function Score({ of: one, onDone }: { of: OwnModel; onDone: () => void }) {
  const { t } = useTranslation();
  const version = one.versions.find((each) => each.number === one.production) ?? one.versions[0];
  const [inputs, setInputs] = useState<Record<string, string>>({});
  const [property, setProperty] = useState('');
  const [output, setOutput] = useState(version?.outputs[0] ?? '');
  const [mode, setMode] = useState('scheduled');
  const [every, setEvery] = useState('1m');
  const make = useCommand(() => post(`models/${one.name}/scorers`, { property, inputs, output, mode, every, number: one.production === null ? version?.number : null }), ['models'], onDone);
  if (!version) return null;
  return (
    <Stack gap="xs">
      {version.inputs.map((name) => <PropertyPick key={name} label={t('own.input', { name })} value={inputs[name] ?? ''} under={one.asset} onChange={(path) => setInputs((old) => ({ ...old, [name]: path }))} />)}
      <TargetPick model={one.name} value={property} onChange={setProperty} taken={Object.values(inputs)} />
      <Group gap="xs" align="flex-end">
        <Select w={180} label={t('own.output')} value={output} onChange={(value) => setOutput(value ?? '')} allowDeselect={false} data={version.outputs} />
        <Select w={220} label={t('own.when')} value={mode} onChange={(value) => setMode(value ?? 'scheduled')} allowDeselect={false} data={[{ value: 'scheduled', label: t('own.scheduledShort') }, { value: 'streaming', label: t('own.streaming') }]} />
        {mode === 'scheduled' && <TextInput w={100} label={t('life.every')} value={every} onChange={(event) => setEvery(event.currentTarget.value)} />}
        <Button loading={make.isPending} disabled={!property || version.inputs.some((name) => !inputs[name])} onClick={() => make.mutate(undefined)}>{t('own.score')}</Button>
      </Group>
    </Stack>
  );
}

async function packed(file: File): Promise<{ content: string; sha256: string }> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = '';
  for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  const hash = 'subtle' in crypto ? [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((one) => one.toString(16).padStart(2, '0')).join('') : '';
  return { content: btoa(text), sha256: hash };
}

/** Register a version; for kinds that are code somebody has to say that they trust exactly this file. */
function Register({ of: one }: { of: OwnModel }) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<string>('onnx');
  const [file, setFile] = useState<File | null>(null);
  const [inputs, setInputs] = useState('');
  const [metrics, setMetrics] = useState('');
  const [source, setSource] = useState('');
  const [trust, setTrust] = useState(false);
  const names = inputs.split(',').map((name) => name.trim()).filter(Boolean);
  const figures = Object.fromEntries(metrics.split(',').map((pair) => pair.split('=').map((word) => word.trim())).filter((pair) => pair.length === 2 && pair[0]).map(([name, value]) => [name, Number(value)]));
  const send = useCommand(async () => {
    if (!file) return null;
    const { content, sha256 } = await packed(file);
    const told = { content, metrics: figures, trust };
    return post<OwnModel>(`models/${one.name}/${kind === 'mlflow' ? 'mlflow' : 'versions'}`, kind === 'mlflow' ? told : { ...told, kind, inputs: names, file: file.name, sha256, lineage: source.trim() ? { from: source.trim() } : {} });
  }, ['models'], () => { report(t('word.saved')); setFile(null); setTrust(false); });
  return (
    <Panel title={t('own.register')}>
      <Stack gap="xs">
        <Select label={t('own.kind')} value={kind} onChange={(value) => { setKind(value ?? 'onnx'); setTrust(false); }} allowDeselect={false} data={[...KINDS, 'mlflow'].map((value) => ({ value, label: t(`own.kinds.${value}`) }))} />
        <FileInput label={t('own.file')} placeholder={t('own.choose')} clearable clearButtonProps={{ 'aria-label': t('action.clear') }} value={file} onChange={setFile} required />
        {kind !== 'mlflow' && <TextInput label={t('own.inputs')} description={t('own.inputsHint')} value={inputs} onChange={(event) => setInputs(event.currentTarget.value)} />}
        <TextInput label={t('own.metrics')} description={t('own.metricsHint')} value={metrics} onChange={(event) => setMetrics(event.currentTarget.value)} />
        {kind !== 'mlflow' && <Textarea label={t('own.lineage')} description={t('own.lineageHint')} autosize minRows={1} value={source} onChange={(event) => setSource(event.currentTarget.value)} />}
        {CODE.includes(kind) && <Alert variant="outline" color="slate" icon={<IconAlertTriangle aria-hidden />} title={t('own.riskTitle')}>{t('own.risk')}<Checkbox mt="xs" label={t('own.trust')} checked={trust} onChange={(event) => setTrust(event.currentTarget.checked)} /></Alert>}
        {send.isError && <Text size="sm" className="wrap" role="alert">{explain(send.error).detail} {explain(send.error).hint}</Text>}
        <Group><Button disabled={!file || (CODE.includes(kind) && !trust)} loading={send.isPending} onClick={() => send.mutate(undefined)}>{t('own.register')}</Button></Group>
      </Stack>
    </Panel>
  );
}
