import { Badge, Box, Button, Group, Progress, Select, SimpleGrid, Stack, Table, Text, TextInput, UnstyledButton } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconAlertTriangle, IconPlayerStop } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { life, type FleetVersion, type LifeFleet, type LifeForecast, type Reason } from '../api/life';
import { q, useCommand } from '../api/queries';
import { toFinding } from '../app/alarmSearch';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { unitText } from '../format/format';
import { useFormat } from '../format/useFormat';
import { useSentence } from '../locales/sentences';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { Said } from '../parts/Said';
import { Scroll } from '../parts/Scroll';

/** How long machines will last: the ones with the least left first, and why. */
export default function Life() {
  const { t } = useTranslation();
  const may = useMay('models.edit');
  const [planning, setPlanning] = useState(false);
  const { of: chosen } = useSearch({ from: '/plant/life' });
  const navigate = useNavigate();
  const setChosen = (id: string): void => void navigate({ to: '/life', search: { of: id }, replace: true });
  const fleets = useQuery(life.fleets);
  const told = useQuery(life.forecasts);
  const items = told.data?.items ?? [];
  const key = (one: LifeForecast): string => `${one.fleet_id} ${one.asset}`;
  const one = items.find((each) => key(each) === chosen) ?? items[0];
  const fleet = fleets.data?.items.find((each) => each.id === one?.fleet_id);
  return (
    <>
      <PageHead title={t('nav.life')} sub={t('life.sub')}>{may && <Button onClick={() => setPlanning(!planning)} aria-expanded={planning}>{t('life.plan')}</Button>}</PageHead>
      <Stack gap="sm">
        {planning && <Plan onDone={() => setPlanning(false)} />}
        <Panel title={t('life.left')} pad={false}>
          <Answer of={told} empty={(page) => page.items.length === 0} none={t('life.none')}>
            {(page) => <List items={page.items} chosen={one && key(one)} onPick={(each) => setChosen(key(each))} />}
          </Answer>
        </Panel>
        {one && <One of={one} version={fleet?.versions.find((each) => each.number === one.number)} />}
        {fleets.data?.items.map((each) => <FleetPanel key={each.id} of={each} />)}
      </Stack>
    </>
  );
}

/** "about 12 d", "more than 40 d": hours below two days, days above. */
function useLength(): (hours: number | null) => string {
  const f = useFormat();
  return (hours) => (hours === null ? '–' : hours < 48 ? `${f.number(hours, 0)} h` : `${f.number(hours / 24, hours < 240 ? 1 : 0)} d`);
}

function useSaid(): (one: LifeForecast) => string {
  const { t } = useTranslation();
  const length = useLength();
  return (one) => (one.error ? t('life.unknown') : t(one.more_than ? 'life.moreThan' : 'life.about', { length: length(one.more_than ? one.low_h : one.remaining_h) }));
}

function List({ items, chosen, onPick }: { items: LifeForecast[]; chosen: string | undefined; onPick: (one: LifeForecast) => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const said = useSaid();
  const phone = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false }) ?? false;
  const most = Math.max(1, ...items.map((one) => one.high_h ?? one.remaining_h ?? 0));
  if (phone) {
    return (
      <Box className="rows">{items.map((one) => (
        <UnstyledButton key={`${one.fleet_id} ${one.asset}`} className="row-link" w="100%" aria-pressed={`${one.fleet_id} ${one.asset}` === chosen} onClick={() => onPick(one)}>
          <Group justify="space-between" gap="xs"><Text size="sm" fw={`${one.fleet_id} ${one.asset}` === chosen ? 700 : 500} className="wrap">{one.asset}</Text><Group gap={4} wrap="nowrap">{one.finding && <IconAlertTriangle size={16} color="var(--alarm-2)" aria-label={t('life.low')} />}<Text size="sm" fw={one.finding ? 700 : 400}>{said(one)}</Text></Group></Group>
          <Text size="xs" c="dimmed">{one.fleet}{one.due && ` · ${t('life.due')} ${f.when(one.due)}`}</Text>
          <Band of={one} most={most} />
        </UnstyledButton>
      ))}</Box>
    );
  }
  return (
    <Scroll minWidth={620}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('word.asset')}</Table.Th><Table.Th>{t('life.remaining')}</Table.Th><Table.Th w="30%">{t('life.interval')}</Table.Th><Table.Th>{t('life.due')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((one) => {
            const id = `${one.fleet_id} ${one.asset}`;
            return (
              <Table.Tr key={id}>
                <Table.Td className="wrap"><Button variant={id === chosen ? 'filled' : 'default'} size="compact-md" h="auto" styles={{ label: { whiteSpace: 'normal' } }} aria-pressed={id === chosen} onClick={() => onPick(one)}>{one.asset}</Button><Text size="xs" c="dimmed">{one.fleet}</Text></Table.Td>
                <Table.Td><Group gap={4} wrap="nowrap">{one.finding && <IconAlertTriangle size={16} color="var(--alarm-2)" aria-label={t('life.low')} />}<Text size="sm" fw={one.finding ? 700 : 400}>{said(one)}</Text></Group></Table.Td>
                <Table.Td><Band of={one} most={most} /></Table.Td>
                <Table.Td>{one.due ? f.when(one.due) : '–'}</Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}

/** The interval on a line from now; open to the right where no end is known. */
function Band({ of: one, most }: { of: LifeForecast; most: number }) {
  const { t } = useTranslation();
  const length = useLength();
  if (one.error || one.low_h === null) return <Text size="sm" c="dimmed" className="wrap">{one.error ? <Said text={one.error} /> : '–'}</Text>;
  const [left, right] = [(one.low_h / most) * 100, one.high_h === null ? 100 : (one.high_h / most) * 100];
  const text = one.high_h === null ? t('life.from', { low: length(one.low_h) }) : t('life.fromTo', { low: length(one.low_h), high: length(one.high_h) });
  return (
    <Box>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" width="100%" height={12} role="img" aria-label={text} style={{ display: 'block' }}>
        <line x1={0} x2={100} y1={5} y2={5} stroke="currentColor" opacity={0.25} vectorEffect="non-scaling-stroke" />
        <rect x={left} width={Math.max(1, right - left)} y={2} height={6} fill="currentColor" opacity={0.35} />
        {!one.more_than && one.remaining_h !== null && <line x1={(one.remaining_h / most) * 100} x2={(one.remaining_h / most) * 100} y1={0} y2={10} stroke="currentColor" strokeWidth={2} vectorEffect="non-scaling-stroke" />}
      </svg>
      <Text size="xs" c="dimmed">{text}</Text>
    </Box>
  );
}

function One({ of: one, version }: { of: LifeForecast; version: FleetVersion | undefined }) {
  const { t } = useTranslation();
  const f = useFormat();
  const length = useLength();
  const said = useSaid();
  const say = useSentence();
  return (
    <Panel title={one.asset}>
      <Facts of={[[t('life.remaining'), one.error ? <Said key="e" text={one.error} /> : said(one)], [t('life.age'), `${length(one.age_h)} (${t('life.since', { at: f.when(one.begin) })})`], [t('life.method'), t(`life.methods.${one.method || 'none'}`)], [t('life.asOf'), f.when(one.at)], ...(one.finding ? [[t('life.finding'), <Link key="f" to="/alarms" search={toFinding(one.finding)}>{t('life.filed')}</Link>] as const] : [])]} />
      {!one.error && <Box mt="xs"><Text fw={600} size="sm">{t('life.interval')}</Text><Course of={one} /></Box>}
      {one.why.length > 0 && <Why of={one.why} method={one.method} />}
      {version && <Text size="sm" c="dimmed" mt="xs">{t('life.whyMethod')} {version.why.map((each) => say(each)).join('. ')}.</Text>}
    </Panel>
  );
}

/** What is left as a fan from today: the line is the forecast, the area holds four of five such machines. */
function Course({ of: one }: { of: LifeForecast }) {
  const { t } = useTranslation();
  const length = useLength();
  if (one.low_h === null || one.remaining_h === null) return <>–</>;
  const [width, height] = [640, 110];
  const past = Math.min(one.age_h, 2 * Math.max(one.high_h ?? one.remaining_h, one.remaining_h));
  const end = Math.max(one.high_h ?? one.remaining_h * 1.3, 1);
  const x = (hours: number): number => ((hours + past) / (past + end)) * width;
  const top = 8 + (height - 24) * (past / Math.max(one.age_h + one.remaining_h, 1)) * 0.3;
  const floor = height - 14;
  const upper = one.high_h === null ? `L${width},${top} L${width},${floor}` : `L${x(one.high_h)},${floor}`;
  const text = one.high_h === null ? t('life.from', { low: length(one.low_h) }) : t('life.fromTo', { low: length(one.low_h), high: length(one.high_h) });
  return (
    <Box maw={width}>
      <svg viewBox={`0 0 ${width} ${height}`} width="100%" role="img" aria-label={text} style={{ display: 'block' }}>
        <line x1={0} x2={width} y1={floor} y2={floor} stroke="currentColor" strokeDasharray="6 5" opacity={0.5} />
        <path d={`M0,8 L${x(0)},${top}`} stroke="currentColor" fill="none" strokeWidth={1.5} />
        <path d={`M${x(0)},${top} ${upper} L${x(one.low_h)},${floor} Z`} fill="currentColor" opacity={0.18} />
        {!one.more_than && <path d={`M${x(0)},${top} L${x(one.remaining_h)},${floor}`} stroke="currentColor" fill="none" strokeWidth={2} strokeDasharray="4 3" />}
        <line x1={x(0)} x2={x(0)} y1={0} y2={floor} stroke="currentColor" opacity={0.4} />
        <text x={Math.min(x(0) + 4, width - 50)} y={height - 2} fontSize={11} fill="currentColor">{t('life.today')}</text>
      </svg>
      <Text size="sm">{text}</Text>
    </Box>
  );
}

function Why({ of: reasons, method }: { of: Reason[]; method: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  const length = useLength();
  if (method === 'history') return <Text size="sm" mt="xs">{reasons[0] && t('life.weibull', { shape: f.number(reasons[0].shape ?? null, 1), scale: length((reasons[0].scale ?? 0) / 3.6e12) })}</Text>;
  if (method === 'trend') return <Text size="sm" mt="xs">{reasons[0] && t('life.trend', { name: reasons[0].sensor, now: f.number(reasons[0].now ?? null, 2), limit: f.number(reasons[0].limit ?? null, 2) })}</Text>;
  const most = Math.max(1, ...reasons.map((one) => Math.abs(one.adds_h ?? 0)));
  return (
    <Box mt="xs">
      <Text fw={600} size="sm">{t('life.why')}</Text>
      <Scroll minWidth={420}>
        <Table>
          <Table.Tbody>
            {reasons.slice(0, 6).map((one) => (
              <Table.Tr key={one.sensor}>
                <Table.Td>{one.sensor === 'age' ? t('life.age') : one.sensor}</Table.Td>
                <Table.Td w="45%"><Box className="bullet" aria-hidden><i style={{ width: `${(100 * Math.abs(one.adds_h ?? 0)) / most}%` }} /></Box></Table.Td>
                <Table.Td className="figure">{(one.adds_h ?? 0) < 0 ? `− ${length(-(one.adds_h ?? 0))}` : `+ ${length(one.adds_h ?? 0)}`}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </Box>
  );
}

function FleetPanel({ of: one }: { of: LifeFleet }) {
  const { t } = useTranslation();
  const f = useFormat();
  const length = useLength();
  const may = useMay('models.edit');
  const train = useCommand(() => post(`life/${one.id}/train`, {}), ['life']);
  const cancel = useCommand(() => post(`life/${one.id}/cancel`, {}), ['life']);
  const use = useCommand((number: number | null) => post(`life/${one.id}/use`, { number, version: one.version }), ['life'], () => report(t('word.saved')));
  const training = one.versions.some((each) => each.state === 'training');
  return (
    <Panel title={t('life.fleet', { name: one.name })} extra={may && <Button size="compact-md" disabled={training} onClick={() => train.mutate(undefined)}>{t('models.train')}</Button>}>
      <Facts of={[[t('life.assets'), t('life.count', { count: one.assets.length })], [t('models.properties'), one.properties.join(', ')], [t('models.lookback'), length(one.lookback_h)], [t('life.finding'), one.low_h ? t('life.below', { length: length(one.low_h) }) : t('life.never')]]} />
      <Stack gap="xs" mt="sm">
        {one.versions.length === 0 && <Text c="dimmed">{t('models.untrained')}</Text>}
        {one.versions.slice(0, 5).map((each) => (
          <Box key={each.number} pt="xs" style={{ borderTop: '1px solid var(--line)' }}>
            <Group justify="space-between" gap="xs">
              <Group gap="xs">
                <Text fw={600}>{t('models.version', { number: each.number })}</Text>
                <Badge color="slate" variant={each.number === one.active ? 'filled' : 'outline'}>{t(each.state === 'ready' ? (each.number === one.active ? 'models.active' : 'models.off') : `models.state.${each.state}`)}</Badge>
                <Text size="sm" c="dimmed">{f.when(each.ended ?? each.begun)}{each.by && ` · ${each.by}`}{each.about.where && ` · ${t('models.trainedAt', { where: each.about.where })}`}</Text>
              </Group>
              {may && each.state === 'training' && <Button size="compact-sm" variant="default" leftSection={<IconPlayerStop size={14} aria-hidden />} onClick={() => cancel.mutate(undefined)}>{t('action.cancel')}</Button>}
              {may && each.state === 'ready' && <Button size="compact-sm" variant="default" onClick={() => use.mutate(each.number === one.active ? null : each.number)}>{t(each.number === one.active ? 'life.stop' : 'life.use')}</Button>}
            </Group>
            {each.state === 'training' && <><Progress value={100 * each.share} mt={6} aria-label={t('models.progress')} color="slate" /><Text size="xs" c="dimmed" role="status">{f.percent(each.share, 0)}{each.step && <> · <Said text={each.step} /></>}</Text></>}
            {each.forgotten && <Text size="sm" c="dimmed" className="wrap">{t('models.forgotten', { when: f.day(each.forgotten) })}</Text>}
            {each.error && <Text size="sm" className="wrap"><Said text={each.error} /></Text>}
            {(each.state === 'ready' || each.forgotten) && <Learned of={each} />}
          </Box>
        ))}
      </Stack>
    </Panel>
  );
}

/** What a version was learned from, and how good it is on lives it had not seen. */
function Learned({ of: one }: { of: FleetVersion }) {
  const { t } = useTranslation();
  const f = useFormat();
  const length = useLength();
  const say = useSentence();
  const about = one.about;
  const left = Object.entries(about.left_out ?? {});
  return (
    <Box mt={4}>
      <Text size="sm">{t(`life.methods.${one.method}`)}. {t('life.learned', { lives: about.lives ?? 0, failures: about.failures ?? 0, records: about.records_failed ?? 0 })}</Text>
      {about.quality && <Text size="sm">{t('life.quality', { error: length(about.quality.mean_error_h), coverage: f.percent(about.quality.coverage, 0), cap: length(one.cap_h) })}</Text>}
      {left.length > 0 && <Text size="sm" c="dimmed" className="wrap">{t('life.leftOut')} {left.map(([name, why]) => `${name} (${say(why)})`).join(', ')}</Text>}
      {(about.notes ?? []).map((note) => <Text key={note} size="sm" c="dimmed"><Said text={note} /></Text>)}
    </Box>
  );
}

function Plan({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation();
  const assets = useQuery(q.assets).data?.items ?? [];
  const kinds = [...new Set(assets.flatMap((one) => (one.model ? [one.model] : [])))].sort();
  const [model, setModel] = useState<string | null>(null);
  const [name, setName] = useState('');
  const [every, setEvery] = useState('1h');
  const [lookback, setLookback] = useState('730d');
  const [low, setLow] = useState('14d');
  const [property, setProperty] = useState<string | null>(null);
  const [limit, setLimit] = useState('');
  const [side, setSide] = useState('rising');
  const first = assets.find((one) => one.model === model)?.id ?? '';
  const properties = useQuery({ ...q.asset(first), enabled: first !== '' }).data?.properties ?? [];
  const unit = unitText(properties.find((one) => one.name === property)?.unit);
  const unfinished = (property !== null || limit.trim() !== '') && (limit.trim() === '' || property === null || !Number.isFinite(Number(limit.replace(',', '.'))));
  const index = property && limit.trim() !== '' ? { property, limit: Number(limit.replace(',', '.')), rising: side === 'rising' } : null;
  const plan = useCommand(() => post<LifeFleet>('life', { model: model ?? '', name: name.trim(), every, lookback, low: low.trim(), index }), ['life'], onDone);
  return (
    <Panel title={t('life.plan')}>
      <Stack gap="xs">
        <Select label={t('life.model')} description={t('life.modelHint')} searchable value={model} onChange={(value) => { setModel(value); setProperty(null); }} data={kinds} required />
        <TextInput label={t('models.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} placeholder={model ?? ''} />
        <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="xs">
          <TextInput label={t('life.every')} value={every} onChange={(event) => setEvery(event.currentTarget.value)} />
          <TextInput label={t('models.lookback')} value={lookback} onChange={(event) => setLookback(event.currentTarget.value)} />
          <TextInput label={t('life.lowLabel')} description={t('life.lowHint')} value={low} onChange={(event) => setLow(event.currentTarget.value)} />
        </SimpleGrid>
        <Text size="sm" c="dimmed">{t('life.indexHint')}</Text>
        <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="xs">
          <Select label={t('life.index')} searchable clearable value={property} onChange={setProperty} data={properties.filter((one) => one.kind !== 'attribute' && ['double', 'integer'].includes(one.type)).map((one) => one.name)} />
          <TextInput label={`${t('life.limit')}${unit && ` (${unit})`}`} inputMode="decimal" error={unfinished && t('life.limitNeeded')} value={limit} onChange={(event) => setLimit(event.currentTarget.value)} />
          <Select label={t('life.side')} value={side} onChange={(value) => setSide(value ?? 'rising')} allowDeselect={false} data={[{ value: 'rising', label: t('life.rising') }, { value: 'falling', label: t('life.falling') }]} />
        </SimpleGrid>
        <Group>
          <Button variant="filled" disabled={!model || unfinished} loading={plan.isPending} onClick={() => plan.mutate(undefined)}>{t('models.create')}</Button>
          <Button variant="subtle" onClick={onDone}>{t('action.cancel')}</Button>
        </Group>
      </Stack>
    </Panel>
  );
}
