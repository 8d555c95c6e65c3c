import { Alert, Box, Button, FileButton, Group, NumberInput, Select, SegmentedControl, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { IconDownload, IconUpload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address } from '../api/client';
import { condition, type Channel, type Position, type Spectra, type VibrationRecord } from '../api/condition';
import { useCommand } from '../api/queries';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Listed } from './Listed';
import { Answer, Panel } from './Page';
import { Said } from './Said';
import { Spectrum, type Mark } from './Spectrum';

const UNITS = ['g', 'mg', 'm/s2', 'mm/s2', 'mm/s', 'm/s', 'in/s'];

/** Raw records of a position: taken in from a file, listed, looked at. */
export function ConditionRecords({ of: one }: { of: Position }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('condition.record');
  const [chosen, setChosen] = useState<string | null>(null);
  const list = useQuery(condition.records(one.id));
  const record = list.data?.items.find((item) => item.id === chosen) ?? list.data?.items[0];
  return (
    <Stack gap="sm">
      <Panel title={t('condition.records')}>
        {may && <TakeIn of={one} onTaken={(made) => setChosen(made.id)} />}
        <Answer of={list} empty={(page) => page.items.length === 0} none={t('condition.noRecords')}>
          {(page) => (
            <Listed minWidth={640} head={[t('condition.at'), t('condition.file'), 'mm/s', t('condition.zone'), t('condition.kurtosis'), t('condition.bearing')]} rows={page.items.map((item) => ({ key: item.id, cells: [
              <Button key="at" size="compact-sm" variant={item.id === record?.id ? 'filled' : 'default'} aria-pressed={item.id === record?.id} onClick={() => setChosen(item.id)}>{f.when(item.at)}</Button>,
              item.file,
              f.number(item.figures.velocity_rms, 2),
              item.zone ?? '–',
              f.number(item.figures.kurtosis, 1),
              item.diagnosis.fault ? `${t(`condition.fault.${item.diagnosis.fault}`)} (${t(`condition.sure.${item.diagnosis.confidence}`)})` : item.diagnosis.confidence ? t('condition.fault.none') : '–',
            ] }))} />
          )}
        </Answer>
      </Panel>
      {record && <Shown of={record} />}
    </Stack>
  );
}

function TakeIn({ of: one, onTaken }: { of: Position; onTaken: (made: VibrationRecord) => void }) {
  const { t } = useTranslation();
  const [file, setFile] = useState<File | null>(null);
  const [found, setFound] = useState<Channel[]>([]);
  const [channel, setChannel] = useState<string | null>(null);
  const [unit, setUnit] = useState<string | null>(null);
  const [rate, setRate] = useState<string | number>('');
  const [rpm, setRpm] = useState<string | number>('');
  const [sensitivity, setSensitivity] = useState<string | number>(1);
  const [at, setAt] = useState('');
  const picked = found.find((each) => each.name === channel);
  const look = useCommand(condition.channels, [], (told) => { setFound(told.items); setChannel(told.items[0]?.name ?? null); });
  const take = useCommand(() => condition.take(one.id, file as File, { channel, unit: unit ?? picked?.unit ?? null, rate: rate === '' ? null : rate, rpm: rpm === '' ? null : rpm, sensitivity, at: at ? new Date(at).toISOString() : null }), ['condition'], (made) => { setFile(null); onTaken(made); });
  const missing = file !== null && picked !== undefined && ((!picked.rate && rate === '') || (!picked.unit && !unit));
  return (
    <Stack gap="xs" mb="sm">
      <Group gap="xs">
        <FileButton accept=".csv,.txt,.parquet,.mat,.uff,.unv,.wav" onChange={(chosen) => { if (chosen) { setFile(chosen); setFound([]); look.mutate(chosen); } }} inputProps={{ 'aria-label': t('condition.takeIn') }}>{(props) => <Button {...props} variant="default" leftSection={<IconUpload size={16} aria-hidden />} loading={look.isPending}>{t('condition.takeIn')}</Button>}</FileButton>
        <Text size="sm" c="dimmed">{file ? file.name : t('condition.formats')}</Text>
      </Group>
      {file && picked && (
        <>
          <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="xs">
            <Select label={t('condition.channel')} data={found.map((each) => each.name)} value={channel} onChange={setChannel} allowDeselect={false} />
            <Select label={t('condition.unit')} data={UNITS} value={unit ?? picked.unit} onChange={setUnit} required />
            <NumberInput label={t('condition.rate')} value={rate === '' ? (picked.rate ?? '') : rate} onChange={setRate} min={1} required />
            <NumberInput label={t('condition.rpm')} value={rpm === '' ? (picked.rpm ?? '') : rpm} onChange={setRpm} min={1} placeholder={one.settings.rpm ? String(one.settings.rpm) : ''} />
            <NumberInput label={t('condition.sensitivity')} value={sensitivity} onChange={setSensitivity} />
            <TextInput type="datetime-local" label={t('condition.takenAt')} value={at} onChange={(event) => setAt(event.currentTarget.value)} />
          </SimpleGrid>
          <Group><Button disabled={missing} loading={take.isPending} onClick={() => take.mutate(undefined)}>{t('condition.take')}</Button><Button variant="subtle" onClick={() => setFile(null)}>{t('action.cancel')}</Button></Group>
        </>
      )}
    </Stack>
  );
}

function Shown({ of: record }: { of: VibrationRecord }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [view, setView] = useState('envelope');
  const answer = useQuery(condition.spectra(record.id));
  const figures = Object.entries(record.figures).filter(([name, value]) => value !== null && name !== 'level');
  return (
    <Panel title={t('condition.recordOf', { at: f.when(record.at) })} extra={<SegmentedControl size="xs" aria-label={t('condition.view')} value={view} onChange={setView} data={['envelope', 'spectrum', 'samples'].map((value) => ({ value, label: t(`condition.${value}`) }))} />}>
      <Answer of={answer}>{(told) => <Curves told={told} view={view} unit={record.unit} />}</Answer>
      {record.diagnosis.says && <Text size="sm" mt="xs" className="wrap"><Said text={record.diagnosis.says} /></Text>}
      {record.diagnosis.fault === 'ball' && <Text size="sm" c="dimmed">{t('condition.ballHint')}</Text>}
      {record.diagnosis.evidence && (
        <Box mt="xs"><Listed minWidth={420} figures={3} head={[t('condition.part'), 'Hz', t('condition.harmonics'), t('condition.strength')]} rows={record.diagnosis.evidence.map((each) => ({ key: each.fault, cells: [t(`condition.fault.${each.fault}`), f.number(each.frequency, 1), each.ratios.map((ratio) => `${f.number(ratio, 0)}×`).join(' '), f.number(each.strength, 1)] }))} /></Box>
      )}
      <Group gap="md" mt="sm">{figures.map(([name, value]) => <Text key={name} size="sm"><Text span c="dimmed" size="sm">{name.startsWith('rms ') ? t('condition.figures.band', { band: name.slice(4).replace('-', '–') }) : t(`condition.figures.${name}`, { defaultValue: name })}</Text> {f.number(value, 2)}</Text>)}</Group>
      {Object.keys(record.refused).length > 0 && <Alert mt="sm" variant="outline" color="slate" title={t('condition.notTold')}>{Object.entries(record.refused).map(([name, why]) => <Text key={name} size="sm" className="wrap"><Said text={why} /></Text>)}</Alert>}
      {!record.judged && <Text size="sm" mt="xs" c="dimmed">{t('condition.notJudged')}</Text>}
      <Button component="a" mt="sm" size="compact-md" variant="default" leftSection={<IconDownload size={14} aria-hidden />} href={address(`documents/${record.document}/content`)}>{t('condition.download')}</Button>
    </Panel>
  );
}

function Curves({ told, view, unit }: { told: Spectra; view: string; unit: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  const speed: Mark[] = told.turning_hz ? [1, 2, 3].map((n) => ({ label: `${n}×`, at: n * (told.turning_hz ?? 0), of: n })) : [];
  const faults: Mark[] = Object.entries(told.marks).flatMap(([label, hz]) => [1, 2, 3].map((n) => ({ label: n === 1 ? label : `${n}×${label}`, at: n * hz, of: n })));
  if (view === 'samples') return <Spectrum of={told.samples} xUnit="s" yUnit={unit} label={t('condition.samples')} />;
  if (view === 'spectrum') return <Spectrum of={told.spectrum} xUnit="Hz" yUnit={told.unit} label={t('condition.spectrum')} marks={speed} />;
  if (!told.envelope) return <Text size="sm" c="dimmed">{t('condition.noEnvelope')}</Text>;
  return (
    <>
      <Spectrum of={told.envelope} xUnit="Hz" yUnit={t('condition.share')} label={t('condition.envelope')} marks={faults} />
      <Text size="xs" c="dimmed">{told.band && t('condition.band', { low: f.number(told.band[0]), high: f.number(told.band[1]) })} {Object.entries(told.marks).map(([label, hz]) => `${label} ${f.number(hz, 1)} Hz`).join(' · ')}</Text>
    </>
  );
}
