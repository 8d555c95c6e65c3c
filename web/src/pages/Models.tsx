import { Alert, Badge, Box, Button, Group, Loader, MultiSelect, Progress, SegmentedControl, Select, SimpleGrid, Stack, Switch, Table, Text, TextInput, UnstyledButton } from '@mantine/core';
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks';
import { IconAlertTriangle, IconPlayerStop } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { models, type MachineModel, type ModelVersion, type Part, type Quality, type Scores } from '../api/models';
import { q, useCommand } from '../api/queries';
import { toFinding } from '../app/alarmSearch';
import { explain, report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { AlertList, running, short } from '../parts/ModelAlerts';
import { ModelCare } from '../parts/ModelCare';
import { Past } from '../parts/ModelPast';
import { ModelPlace } from '../parts/ModelPlace';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { Said } from '../parts/Said';
import { ScoreLine } from '../parts/ScoreLine';
import { Scroll } from '../parts/Scroll';

const SPANS: Record<string, number> = { '6h': 6, '1d': 24, '7d': 168, '30d': 720 };

/** Models that know how a machine runs when all is well: trained, tried, at work, and what they see. */
export default function Models() {
  const { t } = useTranslation();
  const may = useMay('models.edit');
  const [planning, setPlanning] = useState(false);
  const { model: chosen } = useSearch({ from: '/plant/models' });
  const navigate = useNavigate();
  const setChosen = (id: string): void => void navigate({ to: '/models', search: { model: id }, replace: true });
  const list = useQuery(models.list);
  const one = list.data?.items.find((item) => item.id === chosen) ?? list.data?.items[0];
  return (
    <>
      <PageHead title={t('nav.models')} sub={t('models.sub')}>{may && <Button onClick={() => setPlanning(!planning)} aria-expanded={planning}>{t('models.plan')}</Button>}</PageHead>
      <Stack gap="sm">
        {planning && <Plan onDone={(id) => { setPlanning(false); if (id) setChosen(id); }} />}
        <Answer of={list} empty={(page) => page.items.length === 0} none={t('models.none')}>
          {(page) => (
            <>
              <Picked items={page.items} chosen={one?.id} onPick={setChosen} />
              {one && <Versions key={`${one.id}v`} of={one} />}
              {one && one.versions.some((each) => each.state === 'ready') && <Seen key={one.id} of={one} />}
              {one && one.versions.some((each) => each.state === 'ready') && <Past key={`${one.id}p`} of={one} />}
              {one && <ModelCare key={`${one.id}c`} of={one} />}
              {one?.versions[0]?.about.quality && <Panel title={t('models.quality')} pad={false}><QualityTable of={one.versions[0].about.quality} asset={one.asset} /></Panel>}
            </>
          )}
        </Answer>
      </Stack>
    </>
  );
}

function Picked({ items, chosen, onPick }: { items: MachineModel[]; chosen: string | undefined; onPick: (id: string) => void }) {
  const { t } = useTranslation();
  const phone = useMediaQuery('(max-width: 48em)') ?? false;
  const mode = (one: MachineModel): string => t(one.active !== null ? 'models.active' : one.shadow !== null ? 'models.shadow' : 'models.off');
  if (phone) {
    return (
      <Panel title={t('models.all')}>
        <Box className="rows">{items.map((one) => (
          <UnstyledButton key={one.id} className="row-link" w="100%" px={0} aria-pressed={one.id === chosen} onClick={() => onPick(one.id)}>
            <Group justify="space-between" gap="xs" wrap="nowrap"><Text size="sm" fw={one.id === chosen ? 700 : 500} className="wrap">{one.name}</Text><Text size="sm">{mode(one)}</Text></Group>
            {one.name !== one.asset && <Text size="xs" c="dimmed" className="wrap">{one.asset}</Text>}
            <Now of={one.versions.find((each) => each.number === (one.active ?? one.shadow))} />
          </UnstyledButton>
        ))}</Box>
      </Panel>
    );
  }
  return (
    <Panel title={t('models.all')} pad={false}>
      <Scroll minWidth={640}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('models.name')}</Table.Th><Table.Th>{t('word.asset')}</Table.Th><Table.Th>{t('models.mode')}</Table.Th><Table.Th>{t('models.now')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {items.map((one) => (
              <Table.Tr key={one.id}>
                <Table.Td><Button variant={one.id === chosen ? 'filled' : 'default'} size="compact-md" aria-pressed={one.id === chosen} onClick={() => onPick(one.id)}>{one.name}</Button></Table.Td>
                <Table.Td className="wrap">{one.asset}</Table.Td>
                <Table.Td>{mode(one)}</Table.Td>
                <Table.Td><Now of={one.versions.find((each) => each.number === (one.active ?? one.shadow))} /></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </Panel>
  );
}

/** What the model says now, as a word; an anomaly carries a sign too, never a colour alone. */
function Now({ of: one }: { of: ModelVersion | undefined }) {
  const { t } = useTranslation();
  const f = useFormat();
  if (!one?.now.reason) return <>–</>;
  return (
    <Group gap={4} wrap="nowrap">
      {one.now.reason === 'anomaly' && <IconAlertTriangle size={16} aria-hidden color="var(--alarm-2)" />}
      <Text size="sm">{t(`models.reason.${one.now.reason}`)}{typeof one.now.score === 'number' && ` (${f.number(one.now.score, 2)})`}</Text>
    </Group>
  );
}

function Versions({ of: one }: { of: MachineModel }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('models.edit');
  const train = useCommand(() => post(`anomaly-models/${one.id}/train`, {}), ['anomaly-models']);
  const cancel = useCommand(() => post(`anomaly-models/${one.id}/cancel`, {}), ['anomaly-models']);
  const back = useCommand(() => post(`anomaly-models/${one.id}/back`, { version: one.version }), ['anomaly-models'], () => report(t('word.saved')));
  const use = useCommand((wanted: { number: number; mode: string; place?: string }) => post(`anomaly-models/${one.id}/use`, { ...wanted, version: one.version }), ['anomaly-models'], () => report(t('word.saved')));
  const training = one.versions.some((each) => each.state === 'training');
  const mode = (each: ModelVersion): string => (each.number === one.active ? 'active' : each.number === one.shadow ? 'shadow' : 'off');
  return (
    <Panel title={t('models.versions', { name: one.name })} extra={may && <Group gap="xs">{one.previous !== null && <Button size="compact-md" variant="default" onClick={() => back.mutate(undefined)}>{t('models.back', { number: one.previous })}</Button>}<Button size="compact-md" disabled={training} loading={train.isPending} onClick={() => train.mutate(undefined)}>{t('models.train')}</Button></Group>}>
      <Facts of={[[t('models.properties'), one.properties.map((path) => short(path, one.asset)).join(', ')], [t('models.lookback'), `${f.span(one.lookback_s)}, ${t('models.rowEvery', { every: f.span(one.every_s) })}`], [t('models.retrain'), one.retrain_s ? `${f.span(one.retrain_s)}, ${t(one.promote === 'better' ? 'models.ifBetter' : 'models.waits')}` : t('models.byHand')], ...(one.fleet ? [[t('models.fleet'), `${one.fleet}${one.together ? ` (${t('models.together')})` : ''}`] as [string, string]] : [])]} />
      <Unjudged of={one} />
      <Stack gap="xs" mt="sm">
        {one.versions.length === 0 && <Text c="dimmed">{t('models.untrained')}</Text>}
        {one.versions.some((each) => each.state === 'ready') && <Text size="sm" c="dimmed">{t('models.modes')}</Text>}
        {one.versions.map((each) => (
          <Box key={each.number} pt="xs" style={{ borderTop: '1px solid var(--line)' }}>
            <Group justify="space-between" gap="xs">
              <Group gap="xs">
                <Text fw={600}>{t('models.version', { number: each.number })}</Text>
                <Badge color="slate" variant={mode(each) === 'active' ? 'filled' : 'outline'}>{t(each.state === 'ready' ? `models.${mode(each)}` : `models.state.${each.state}`)}</Badge>
                <Text size="sm" c="dimmed">{f.when(each.ended ?? each.begun)}{each.by && ` · ${each.by}`}{each.about.where && ` · ${t('models.trainedAt', { where: each.about.where })}`}</Text>
              </Group>
              {may && each.state === 'training' && <Button size="compact-sm" variant="default" leftSection={<IconPlayerStop size={14} aria-hidden />} onClick={() => cancel.mutate(undefined)}>{t('action.cancel')}</Button>}
              {may && each.state === 'ready' && <SegmentedControl size="xs" aria-label={t('models.modeOf', { number: each.number })} value={mode(each)} onChange={(value) => use.mutate({ number: each.number, mode: value })} data={['off', 'shadow', 'active'].map((value) => ({ value, label: t(`models.${value}`) }))} />}
            </Group>
            {each.state === 'training' && <><Progress value={100 * each.share} mt={6} aria-label={t('models.progress')} color="slate" /><Text size="xs" c="dimmed" role="status">{f.percent(each.share, 0)}{each.step && <> · <Said text={each.step} /></>}</Text></>}
            {each.state === 'ready' && <ModelPlace of={each} active={each.number === one.active} heard={one.heard} onMove={may ? (place) => use.mutate({ number: each.number, mode: mode(each), place }) : undefined} />}
            {each.forgotten && <Text size="sm" c="dimmed" className="wrap">{t('models.forgotten', { when: f.day(each.forgotten) })}</Text>}
            {each.error && each.state !== 'cancelled' && <Text size="sm" className="wrap"><Said text={each.error} /></Text>}
            {each.backtest.alerts && <Text size="sm" mt={4}>{t('models.wouldHave', { count: each.backtest.alerts.length, span: running(each.backtest.days, f) })}</Text>}
            {each.backtest.alerts && <AlertList items={each.backtest.alerts} asset={one.asset} />}
            {each.about.thresholds?.warnings?.map((text) => <Text key={text} size="sm" className="wrap"><IconAlertTriangle size={14} aria-hidden /> <Said text={text} /></Text>)}
          </Box>
        ))}
      </Stack>
    </Panel>
  );
}

/** What nobody has judged in the time the next training would learn from: how much, when, and the way to it. */
function Unjudged({ of: one }: { of: MachineModel }) {
  const { t } = useTranslation();
  const f = useFormat();
  if (!one.unjudged.length) return null;
  const times = one.unjudged.slice(0, 3).map((each) => (each.end ? `${f.when(each.start)} – ${f.when(each.end)}` : t('models.unjudgedSince', { at: f.when(each.start) })));
  const when = [...times, ...(one.unjudged.length > 3 ? ['…'] : [])].join(', ');
  return (
    <Text size="sm" mt="sm" className="wrap" data-unjudged={one.unjudged.length}>
      <IconAlertTriangle size={14} aria-hidden /> {t('models.unjudged', { count: one.unjudged.length, when })}{' '}
      <Link to="/alarms" search={one.unjudged.length === 1 && one.unjudged[0] ? toFinding(one.unjudged[0].id) : { tab: 'alerts' }}>{t('models.judge')}</Link>
    </Text>
  );
}

function Seen({ of: one }: { of: MachineModel }) {
  const { t } = useTranslation();
  const f = useFormat();
  const ready = one.versions.filter((each) => each.state === 'ready');
  const [number, setNumber] = useState(one.active ?? one.shadow ?? ready[0]?.number ?? 1);
  const [span, setSpan] = useState('1d');
  const [at, setAt] = useState<string | null>(null);
  const [asked] = useDebouncedValue(at, 250);
  const answer = useQuery(models.scores(one.id, number, SPANS[span] ?? 24, asked));
  return (
    <Panel title={t('models.seen')} extra={<Group gap="xs">{ready.length > 1 && <Select size="xs" w={120} aria-label={t('models.whichVersion')} value={String(number)} onChange={(value) => setNumber(Number(value))} data={ready.map((each) => ({ value: String(each.number), label: t('models.version', { number: each.number }) }))} allowDeselect={false} />}<SegmentedControl size="xs" aria-label={t('window.label')} value={span} onChange={(value) => { setSpan(value); setAt(null); }} data={Object.entries(SPANS).map(([value, hours]) => ({ value, label: f.span(hours * 3_600) }))} /></Group>}>
      {answer.isError && <Alert variant="outline" color="slate" title={explain(answer.error).title}>{explain(answer.error).detail} {explain(answer.error).hint}</Alert>}
      {answer.isPending && <Group gap="xs" data-waiting><Loader size="sm" color="slate" aria-hidden /><Text size="sm" c="dimmed" role="status">{t('models.scoring')}</Text></Group>}
      {answer.data && <><ScoreLine of={answer.data} at={at} onPick={setAt} /><AlertList items={answer.data.alerts} asset={one.asset} /><Shares of={answer.data} asset={one.asset} /></>}
    </Panel>
  );
}

function Shares({ of: told, asset }: { of: Scores; asset: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  if (!told.at) return <Text c="dimmed" mt="xs">{t('models.notJudged')}</Text>;
  return (
    <Box mt="sm">
      <Text fw={600} size="sm">{t('models.why', { at: f.when(told.at) })}</Text>
      <Scroll minWidth={620}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('word.property')}</Table.Th><Table.Th w="30%">{t('models.share')}</Table.Th><Table.Th className="figure">{t('models.observed')}</Table.Th><Table.Th className="figure">{t('models.expected')}</Table.Th><Table.Th className="figure">{t('models.z')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {told.explanation.map((one: Part) => (
              <Table.Tr key={one.sensor}>
                <Table.Td className="wrap">{short(one.sensor, asset)}</Table.Td>
                <Table.Td><Group gap={6} wrap="nowrap"><Box className="bullet" aria-hidden style={{ flex: 1 }}><i style={{ width: `${Math.min(100, 100 * one.share)}%` }} /></Box><Text size="sm" className="figure" w={48}>{f.percent(one.share, 0)}</Text></Group></Table.Td>
                <Table.Td className="figure">{f.number(one.observed, 2)}</Table.Td>
                <Table.Td className="figure">{f.number(one.expected, 2)}</Table.Td>
                <Table.Td className="figure">{f.number(one.marginal_z, 1)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </Box>
  );
}

function QualityTable({ of: told, asset }: { of: Quality; asset: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <>
      <Text size="sm" c="dimmed" p="xs">{t('models.rows', { rows: f.number(told.rows, 0), from: f.when(told.start), to: f.when(told.end), every: f.span(told.every_s) })}</Text>
      {told.table.map((flaw) => <Text key={flaw.code} size="sm" p="xs" className="wrap"><IconAlertTriangle size={14} aria-hidden /> <Said text={flaw.what} />: <Said text={flaw.action} /></Text>)}
      <Scroll minWidth={680}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('word.property')}</Table.Th><Table.Th>{t('models.role')}</Table.Th><Table.Th>{t('models.used')}</Table.Th><Table.Th className="figure">{t('models.missing')}</Table.Th><Table.Th>{t('models.found')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {told.sensors.map((one) => (
              <Table.Tr key={one.name}>
                <Table.Td className="wrap">{short(one.name, asset)}</Table.Td>
                <Table.Td>{t(`models.roles.${one.role}`)}</Table.Td>
                <Table.Td>{t(one.used ? 'models.yes' : 'models.leftOut')}</Table.Td>
                <Table.Td className="figure">{f.percent(one.missing, 1)}</Table.Td>
                <Table.Td className="wrap">{one.flaws.length === 0 ? t('models.good') : one.flaws.map((flaw) => <Text key={flaw.code} size="sm"><Said text={flaw.what} />: <Said text={flaw.action} /></Text>)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </>
  );
}

function Plan({ onDone }: { onDone: (id?: string) => void }) {
  const { t } = useTranslation();
  const assets = useQuery(q.assets).data?.items ?? [];
  const [asset, setAsset] = useState<string | null>(null);
  const [name, setName] = useState('');
  const [lookback, setLookback] = useState('90d');
  const [every, setEvery] = useState('1m');
  const [chosen, setChosen] = useState<string[]>([]);
  const [off, setOff] = useState('');
  const [drivers, setDrivers] = useState<string[]>([]);
  const id = assets.find((one) => one.path === asset)?.id ?? '';
  const properties = useQuery({ ...q.asset(id), enabled: id !== '' }).data?.properties ?? [];
  const all = properties.filter((one) => one.kind !== 'attribute').map((one) => ({ value: one.path, label: short(one.path, asset ?? '') }));
  const labelled = all.filter((one) => properties.some((each) => each.path === one.value && ['double', 'integer', 'boolean', 'string'].includes(each.type)));
  const here = assets.find((one) => one.path === asset);
  const alike = here?.model ? assets.filter((one) => one.model === here.model).length : 0;
  const [fleet, setFleet] = useState(false);
  const [together, setTogether] = useState(false);
  const [retrain, setRetrain] = useState('');
  const [promote, setPromote] = useState('by hand');
  const settings = { ...(drivers.length ? { drivers } : {}), ...(off.trim() ? { off: off.trim() } : {}) };
  const body = { asset, lookback, every, settings, ...(chosen.length ? { properties: chosen } : {}) };
  const again = { retrain: retrain.trim(), promote };
  const seen = (path: string): string => short(path, asset ?? '');
  const forAll = { name: name.trim() || (here?.model ?? ''), under: asset?.split('/')[0], model: here?.model, lookback, every, together, ...again, ...(chosen.length ? { properties: chosen.map(seen) } : {}), settings: { ...settings, ...(drivers.length ? { drivers: drivers.map(seen) } : {}), ...(off.trim() ? { off: off.replaceAll(`${asset}/`, '').trim() } : {}) } };
  const look = useCommand(() => post<Quality>('anomaly-models/look', body), []);
  const plan = useCommand(() => post<MachineModel>('anomaly-models', { ...body, ...again, name: name.trim() }), ['anomaly-models'], (made) => onDone(made.id));
  const planAll = useCommand(() => post<{ models: string[] }>('anomaly-fleets', forAll), ['anomaly-models'], (made) => onDone(made.models[0]));
  return (
    <Panel title={t('models.plan')}>
      <Stack gap="xs">
        <Select label={t('word.asset')} searchable value={asset} onChange={(value) => { setAsset(value); setDrivers([]); setChosen([]); look.reset(); }} data={assets.map((one) => one.path)} required />
        <TextInput label={t('models.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} placeholder={asset ?? ''} />
        <MultiSelect label={t('models.sensors')} description={t('models.sensorsHint')} searchable clearable disabled={!asset} clearButtonProps={{ 'aria-label': t('action.clear') }} value={chosen} onChange={(next) => { setChosen(next); setDrivers((old) => old.filter((path) => !next.length || next.includes(path))); }} data={labelled} />
        <MultiSelect label={t('models.drivers')} description={t('models.driversHint')} searchable disabled={!asset} value={drivers} onChange={setDrivers} data={labelled.filter((one) => !chosen.length || chosen.includes(one.value))} />
        <Group gap="xs" align="flex-end" wrap="nowrap">
          <TextInput label={t('models.offWhen')} description={t('models.offHint')} value={off} onChange={(event) => setOff(event.currentTarget.value)} style={{ flex: 1, minWidth: 0 }} />
          <Select aria-label={t('models.offInsert')} placeholder={t('models.offInsert')} searchable disabled={!asset} value={null} onChange={(path) => path && setOff((old) => `${old}${old && !old.endsWith(' ') ? ' ' : ''}\`${path}\` `)} data={all} w={190} />
        </Group>
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }} spacing="xs">
          <TextInput label={t('models.every')} description={t('models.everyHint')} value={every} onChange={(event) => setEvery(event.currentTarget.value)} />
          <TextInput label={t('models.lookback')} description={t('models.lookbackHint')} value={lookback} onChange={(event) => setLookback(event.currentTarget.value)} />
          <TextInput label={t('models.retrain')} description={t('models.retrainHint')} value={retrain} onChange={(event) => setRetrain(event.currentTarget.value)} placeholder="30d" />
          <Select label={t('models.promote')} description={t('models.promoteHint')} value={promote} onChange={(value) => setPromote(value ?? 'by hand')} allowDeselect={false} data={[{ value: 'by hand', label: t('models.waits') }, { value: 'better', label: t('models.ifBetter') }]} />
        </SimpleGrid>
        {alike > 1 && <Switch label={t('models.forAll', { count: alike, model: here?.model })} checked={fleet} onChange={(event) => setFleet(event.currentTarget.checked)} />}
        {alike > 1 && fleet && <Switch label={t('models.togetherLong')} checked={together} onChange={(event) => setTogether(event.currentTarget.checked)} />}
        <Group>
          <Button variant="default" disabled={!asset} loading={look.isPending} onClick={() => look.mutate(undefined)}>{t('models.look')}</Button>
          <Button disabled={!asset} loading={plan.isPending || planAll.isPending} variant="filled" onClick={() => (fleet && alike > 1 ? planAll : plan).mutate(undefined)}>{t('models.create')}</Button>
          <Button variant="subtle" onClick={() => onDone()}>{t('action.cancel')}</Button>
        </Group>
        {look.data && <QualityTable of={look.data} asset={asset ?? ''} />}
      </Stack>
    </Panel>
  );
}
