import { Alert, Badge, Button, Group, NumberInput, Select, SimpleGrid, Stack, Table, Text, TextInput } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask, post } from '../api/client';
import { condition, type Commission, type JudgedBy, type Position, type StreamFound } from '../api/condition';
import { q, useCommand } from '../api/queries';
import { explain, report } from '../app/notices';
import { useFormat } from '../format/useFormat';
import { useSentence } from '../locales/sentences';
import { ZoneBar } from './ConditionState';
import { Answer, Facts, Panel } from './Page';
import { Scroll } from './Scroll';

const BLANK: Commission = { asset: '', name: '', vibration: '', temperature: '', running: '', speed: '', power_kw: null, mounting: 'rigid', kind: 'machine', group: null, rpm: null, bearing: null, temperature_limit: null, every: '10m', learn: 144 };
const OWN = 'own geometry';
const FACTORS = 'own factors';
/** The node says a length in seconds. */
const EVERY: Record<string, string> = { '60s': '1m', '600s': '10m', '3600s': '1h' };
const figure = (value: string | number): number | null => (value === '' ? null : Number(value));

/** What was said of a position when it was commissioned, as the three steps ask for it. */
export function said(of: Position): Commission {
  const { settings } = of;
  const known = Object.fromEntries(Object.entries(settings).filter(([name, value]) => name in BLANK && value !== undefined)) as Partial<Commission>;
  return { ...BLANK, ...known, every: EVERY[settings.every] ?? settings.every, asset: of.asset, name: of.name };
}

/** What is different from before; where it sits is not to be changed. */
export function changesOf(before: Commission, now: Commission): Partial<Commission> {
  const names = (Object.keys(now) as (keyof Commission)[]).filter((name) => name !== 'asset' && name !== 'name' && JSON.stringify(now[name]) !== JSON.stringify(before[name]));
  return Object.fromEntries(names.map((name) => [name, now[name]]));
}

/** Three steps: the stream, the machine and its mounting, how it runs. Nothing is written before the last. The same steps change a position. */
export function ConditionCommission({ of, onDone }: { of?: Position; onDone: (id?: string) => void }) {
  const { t } = useTranslation();
  const before = of && said(of);
  const [step, setStep] = useState(0);
  const [wanted, setWanted] = useState<Commission>(before ?? BLANK);
  const set = (some: Partial<Commission>): void => setWanted({ ...wanted, ...some });
  const check = useCommand(() => post<JudgedBy>('condition/check', wanted), []);
  const make = useCommand(() => (of && before ? ask<Position>(`condition/positions/${of.id}`, { method: 'PATCH', body: { changes: changesOf(before, wanted), version: of.version } }) : post<Position>('condition/positions', wanted)), ['condition', 'assets'], (made) => { report(t(of ? 'word.saved' : 'condition.made', { path: made.path })); onDone(made.id); });
  const unchanged = before !== undefined && Object.keys(changesOf(before, wanted)).length === 0;
  const steps = ['stream', 'machine', 'operation'] as const;
  const taken = useTaken(wanted, of !== undefined);
  const ready = step === 0 ? wanted.asset !== '' && wanted.name.trim() !== '' && !taken : true;
  return (
    <Panel title={`${of ? t('condition.changeOf', { name: of.name }) : t('condition.commission')}: ${t(`condition.steps.${steps[step] ?? 'stream'}`)} (${step + 1}/3)`}>
      <Stack gap="sm">
        {step === 0 && <StreamStep wanted={wanted} set={set} placed={of !== undefined} />}
        {step === 1 && <MachineStep wanted={wanted} set={set} />}
        {step === 2 && <OperationStep wanted={wanted} set={set} told={check.data} failed={check.error} />}
        <Group>
          {step > 0 && <Button variant="default" onClick={() => setStep(step - 1)}>{t('condition.back')}</Button>}
          {step < 2 && <Button disabled={!ready} onClick={() => setStep(step + 1)}>{t('condition.next')}</Button>}
          {step === 2 && <Button variant="default" loading={check.isPending} onClick={() => check.mutate(undefined)}>{t('condition.check')}</Button>}
          {step === 2 && <Button variant="filled" loading={make.isPending} disabled={unchanged} onClick={() => make.mutate(undefined)}>{t(of ? 'action.save' : 'condition.make')}</Button>}
          {step < 2 && !ready && !taken && <Text size="sm" c="dimmed">{t('condition.needs')}</Text>}
          <Button variant="subtle" onClick={() => onDone()}>{t('action.cancel')}</Button>
        </Group>
      </Stack>
    </Panel>
  );
}

/** Whether the machine has a part of this name already: said where it is written, not three steps later. */
function useTaken(wanted: Commission, placed: boolean): boolean {
  const assets = useQuery(q.assets).data?.items ?? [];
  return !placed && wanted.asset !== '' && assets.some((one) => one.path === `${wanted.asset}/${wanted.name.trim()}`);
}

interface StepOf { wanted: Commission; set: (some: Partial<Commission>) => void }

function StreamStep({ wanted, set, placed }: StepOf & { placed: boolean }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [search, setSearch] = useState('');
  const assets = useQuery(q.assets).data?.items ?? [];
  const taken = useTaken(wanted, placed);
  const pick = (one: StreamFound): void => set(placed ? { vibration: one.path } : { asset: one.asset, vibration: one.path, temperature: one.temperature, running: one.running, speed: one.speed, power_kw: one.power_kw, name: wanted.name || t('condition.driveEnd') });
  return (
    <>
      <TextInput label={t('condition.search')} description={t('condition.searchHint')} data-search value={search} onChange={(event) => setSearch(event.currentTarget.value)} maw={520} />
      <Answer of={useQuery(condition.streams(search.trim()))} empty={(page) => page.items.length === 0} none={t('condition.noStreams')}>
        {(page) => (
          <Scroll minWidth={560} mah={320}>
            <Table>
              <Table.Thead><Table.Tr><Table.Th>{t('condition.stream')}</Table.Th><Table.Th>{t('condition.tag')}</Table.Th><Table.Th className="figure">{t('condition.now')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {page.items.map((one) => (
                  <Table.Tr key={one.path}>
                    <Table.Td className="wrap"><Button size="compact-sm" variant={one.path === wanted.vibration ? 'filled' : 'default'} aria-pressed={one.path === wanted.vibration} onClick={() => pick(one)}>{t('condition.pick')}</Button> {one.path} {one.position && <Badge color="slate" variant="outline">{t('condition.watched')}</Badge>}</Table.Td>
                    <Table.Td className="wrap">{one.source}: {one.tag}</Table.Td>
                    <Table.Td className="figure">{one.value === null ? '–' : `${f.number(one.value, 2)} ${one.unit}`}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Scroll>
        )}
      </Answer>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xs">
        <Select label={t('word.asset')} searchable required disabled={placed} value={wanted.asset || null} onChange={(value) => set({ asset: value ?? '' })} data={assets.map((one) => one.path)} />
        <TextInput label={t('condition.name')} required disabled={placed} {...(placed ? { description: t('condition.placed') } : {})} error={taken && t('condition.taken')} value={wanted.name} onChange={(event) => set({ name: event.currentTarget.value })} placeholder={t('condition.driveEnd')} />
      </SimpleGrid>
      {!wanted.vibration && <Text size="sm" c="dimmed">{t('condition.recordsOnly')}</Text>}
      <Siblings wanted={wanted} set={set} />
    </>
  );
}

/** What else is known of the machine: temperature, whether it runs, its speed. */
function Siblings({ wanted, set }: StepOf) {
  const { t } = useTranslation();
  const assets = useQuery(q.assets).data?.items ?? [];
  const id = assets.find((one) => one.path === wanted.asset)?.id ?? '';
  const properties = useQuery({ ...q.asset(id), enabled: id !== '' }).data?.properties ?? [];
  const choice = (types: readonly string[]): string[] => properties.filter((one) => types.includes(one.type) && one.kind !== 'attribute').map((one) => one.path);
  const numbers = choice(['double', 'integer']);
  const field = (name: 'temperature' | 'running' | 'speed', data: string[]) => <Select key={name} label={t(`condition.${name}Stream`)} clearable searchable value={wanted[name] || null} onChange={(value) => set({ [name]: value ?? '' })} data={[...new Set([...data, ...(wanted[name] ? [wanted[name]] : [])])]} />;
  return <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="xs">{field('temperature', numbers)}{field('running', [...choice(['boolean']), ...numbers])}{field('speed', numbers)}</SimpleGrid>;
}

function MachineStep({ wanted, set }: StepOf) {
  const { t } = useTranslation();
  const say = useSentence();
  const f = useFormat();
  const tables = useQuery(condition.tables).data;
  const fits = (row: { kw: [number, number | null] }): boolean => wanted.power_kw === null || (wanted.power_kw > row.kw[0] && (row.kw[1] === null || wanted.power_kw <= row.kw[1]));
  const rows = tables?.zones ?? [];
  return (
    <>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }} spacing="xs">
        <NumberInput label={t('condition.power')} value={wanted.power_kw ?? ''} onChange={(value) => set({ power_kw: figure(value) })} min={0} suffix=" kW" />
        <Select label={t('condition.mounting')} value={wanted.mounting} onChange={(value) => set({ mounting: value ?? 'rigid' })} data={['rigid', 'flexible'].map((value) => ({ value, label: t(`condition.mountings.${value}`) }))} allowDeselect={false} />
        <Select label={t('condition.kind')} value={wanted.kind} onChange={(value) => set({ kind: value ?? 'machine' })} data={['machine', 'pump-1', 'pump-2'].map((value) => ({ value, label: t(`condition.kinds.${value}`) }))} allowDeselect={false} />
        <Select label={t('condition.class')} value={wanted.group ?? 'auto'} onChange={(value) => set({ group: value === 'auto' ? null : value })} data={[{ value: 'auto', label: t('condition.auto') }, { value: 'baseline', label: t('condition.baselineAlone') }, ...rows.filter(fits).map((row) => ({ value: row.group, label: say(row.name) }))]} allowDeselect={false} />
      </SimpleGrid>
      {wanted.power_kw !== null && wanted.power_kw <= 15 && <Text size="sm" c="dimmed">{t('condition.small')}</Text>}
      <Scroll minWidth={620}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('condition.class')}</Table.Th><Table.Th>{t('condition.limits')}</Table.Th><Table.Th>{t('condition.source')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{rows.filter((row) => row.kind === wanted.kind).map((row) => <Table.Tr key={row.group}><Table.Td className="wrap">{say(row.name)}</Table.Td><Table.Td className="figure" style={{ textAlign: 'left' }}>{(row.limits[wanted.mounting] ?? []).map((limit) => f.number(limit)).join(' / ')} mm/s</Table.Td><Table.Td className="wrap">{say(row.standard)}; {say(row.source)}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </Scroll>
      <Text size="xs" c="dimmed" className="wrap">{t(tables?.own ? 'condition.ownTable' : 'condition.editTable')}</Text>
    </>
  );
}

function OperationStep({ wanted, set, told, failed }: StepOf & { told: JudgedBy | undefined; failed: Error | null }) {
  const { t } = useTranslation();
  const f = useFormat();
  const bearings = useQuery(condition.tables).data?.bearings ?? [];
  const own = wanted.bearing !== null && typeof wanted.bearing === 'object' && 'rollers' in wanted.bearing ? wanted.bearing : null;
  const sheet = wanted.bearing !== null && typeof wanted.bearing === 'object' && 'bpfo' in wanted.bearing ? wanted.bearing : null;
  const choose = (value: string | null): void => set({ bearing: value === OWN ? { rollers: 9, roller_diameter: 7.94, pitch_diameter: 39.04, contact_angle: 0 } : value === FACTORS ? { bpfo: 0, bpfi: 0, bsf: 0, ftf: 0 } : value });
  return (
    <>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }} spacing="xs">
        <NumberInput label={t('condition.rpm')} value={wanted.rpm ?? ''} onChange={(value) => set({ rpm: figure(value) })} min={0} suffix=" /min" />
        <Select label={t('condition.bearing')} clearable searchable value={own ? OWN : sheet ? FACTORS : (wanted.bearing as string | null)} onChange={choose} data={[{ value: OWN, label: t('condition.geometry') }, { value: FACTORS, label: t('condition.factors') }, ...bearings]} />
        <NumberInput label={t('condition.temperatureLimit')} value={wanted.temperature_limit ?? ''} onChange={(value) => set({ temperature_limit: figure(value) })} suffix=" °C" />
        <Select label={t('condition.every')} value={wanted.every} onChange={(value) => set({ every: value ?? '10m' })} data={[...new Set(['10s', '1m', '10m', '1h', wanted.every])]} allowDeselect={false} />
        <NumberInput label={t('condition.learn')} value={wanted.learn} onChange={(value) => set({ learn: Number(value) || 144 })} min={20} />
      </SimpleGrid>
      {own && <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="xs">{(['rollers', 'roller_diameter', 'pitch_diameter', 'contact_angle'] as const).map((name) => <NumberInput key={name} label={t(`condition.geometryOf.${name}`)} value={own[name]} min={0} onChange={(value) => set({ bearing: { ...own, [name]: Number(value) || 0 } })} />)}</SimpleGrid>}
      {sheet && <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="xs">{(['bpfo', 'bpfi', 'bsf', 'ftf'] as const).map((name) => <NumberInput key={name} label={name.toUpperCase()} value={sheet[name] || ''} min={0} decimalScale={5} suffix=" ×" onChange={(value) => set({ bearing: { ...sheet, [name]: Number(value) || 0 } })} />)}</SimpleGrid>}
      <Text size="xs" c="dimmed" className="wrap">{t(own ? 'condition.geometryHint' : sheet ? 'condition.factorsHint' : 'condition.bearingHint')}</Text>
      {failed && <Alert variant="outline" color="slate" icon={<IconAlertTriangle size={18} aria-hidden />} title={explain(failed).title}>{explain(failed).detail} {explain(failed).hint}</Alert>}
      {told && <Facts of={[[t('condition.judgedBy'), told.zones ? told.zones.name : t('condition.baselineAlone')], [t('condition.unit'), told.unit || '–'], [t('condition.marks'), Object.entries(told.frequencies).map(([name, hz]) => `${name} ${f.number(hz, 1)} Hz`).join(', ') || '–']]} />}
      {told?.zones && <ZoneBar zones={told.zones} level={null} unit={told.unit} />}
    </>
  );
}
