/** Computing the past again: first what would be different, then - on an engineer's word - written, and explained ever after. */
import { Badge, Box, Button, Checkbox, Group, Modal, Progress, SegmentedControl, Select, Stack, Table, Text, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask, post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { Change, History, Period, Recompute } from '../api/types';
import { useFormat } from '../format/useFormat';
import { Panel, Answer } from './Page';
import { Scroll } from './Scroll';

const WHY = ['correction', 'late-data', 'formula-version', 'calendar'] as const;
const FIGURES = ['oee', 'availability', 'performance', 'quality', 'good', 'bad'] as const;
const isRatio = (name: string): boolean => FIGURES.slice(0, 4).some((one) => one === name);

/** Preview, apply, progress, cancel: the same steps whatever is asked; a change of the question begins anew. */
function useSteps(body: unknown) {
  const [asked, setAsked] = useState<{ id: string; of: string } | null>(null);
  const of = JSON.stringify(body);
  const made = (one: Recompute) => setAsked({ id: one.id, of });
  const preview = useCommand(() => post<Recompute>('recompute/preview', body), [], made);
  const apply = useCommand(() => post<Recompute>('recompute', body), ['recompute'], made);
  const id = asked?.of === of ? asked.id : null;
  const found = useQuery({ ...q.recompute(id ?? ''), enabled: id !== null }).data;
  const busy = found !== undefined && ['waiting', 'running'].includes(found.state);
  const done = found !== undefined && !found.preview && found.state === 'done';
  const { mutate } = useCommand(() => Promise.resolve(null), ['oee', 'recompute', 'bad-actors', 'aggregates', 'history', 'tracks', 'latest']);
  useEffect(() => { if (done) mutate(null); }, [done, mutate]);
  const cancel = useCommand(() => ask(`recompute/${id ?? ''}/cancel`, { method: 'POST' }), ['recompute']);
  return { found, busy, done, preview, apply, cancel };
}

function Steps({ of: { found, busy, done, preview, apply, cancel }, ready = true, onClose }: { of: ReturnType<typeof useSteps>; ready?: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <>
      {busy && <Progress value={(found?.share ?? 0) * 100} color="slate" aria-label={t('recompute.progress')} />}
      {found && !busy && <Outcome of={found} />}
      <Group justify="flex-end" gap="xs">
        <Button onClick={onClose}>{t(done ? 'action.close' : 'action.cancel')}</Button>
        {busy && <Button onClick={() => cancel.mutate(null)}>{t('recompute.stop')}</Button>}
        {!done && <Button loading={preview.isPending} disabled={busy || !ready} onClick={() => preview.mutate(null)} data-preview>{t('recompute.preview')}</Button>}
        {!done && <Button variant="filled" loading={apply.isPending} disabled={busy || !ready || !found?.preview || found.state !== 'done'} onClick={() => apply.mutate(null)} data-apply>{t('recompute.apply')}</Button>}
      </Group>
    </>
  );
}

export function RecomputeDialog({ path, period, onClose }: { path: string; period: Period; onClose: () => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [reason, setReason] = useState<string>('correction');
  const [formula, setFormula] = useState<string>('valid');
  const [note, setNote] = useState('');
  const steps = useSteps({ paths: [path], ...period, reason, formula, note: note.trim() });
  const still = steps.busy || steps.done;
  return (
    <Modal opened onClose={onClose} size="xl" title={t('recompute.title')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Stack gap="sm">
        <Text size="sm">{t('recompute.about', { path, start: f.when(period.start), end: f.when(period.end) })}</Text>
        <Group grow align="flex-start">
          <Select label={t('word.reason')} allowDeselect={false} value={reason} onChange={(value) => { if (value) setReason(value); }} data={WHY.map((value) => ({ value, label: t(`recompute.why.${value}`) }))} disabled={still} />
          <Select label={t('recompute.formula')} allowDeselect={false} value={formula} onChange={(value) => { if (value) setFormula(value); }} data={['valid', 'current'].map((value) => ({ value, label: t(`recompute.version.${value}`) }))} disabled={still} />
        </Group>
        <Textarea label={t('word.note')} value={note} onChange={(event) => setNote(event.currentTarget.value)} autosize minRows={1} disabled={still} />
        <Steps of={steps} onClose={onClose} />
      </Stack>
    </Modal>
  );
}

const MOST = 200;
type Right = Record<string, string | null>;

/** Put recorded values right, or take them back; what is computed from them follows, and what they were stays readable. */
export function CorrectDialog({ path, period, onClose }: { path: string; period: Period; onClose: () => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [how, setHow] = useState<'some' | 'all'>('some');
  const [right, setRight] = useState<Right>({});
  const [note, setNote] = useState('');
  const history = useQuery({ queryKey: ['history', path, period, MOST], queryFn: ({ signal }) => ask<History>('history', { query: { property: path, ...period, limit: MOST }, signal }), staleTime: Infinity });
  const type = history.data?.type ?? 'double';
  const some = Object.entries(right).map(([start, text]) => ({ property: path, start, value: text === null ? null : valueOf(text, type) }));
  const wrong = some.some((one) => one.value === undefined);
  const edits = how === 'all' ? [{ property: path, ...period, value: null }] : some;
  const steps = useSteps({ edits, reason: 'correction', note: note.trim() });
  const still = steps.busy || steps.done;
  return (
    <Modal opened onClose={onClose} size="xl" title={t('correct.title')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Stack gap="sm">
        <Text size="sm">{t('correct.about', { path, start: f.when(period.start), end: f.when(period.end) })}</Text>
        <SegmentedControl value={how} onChange={(value) => setHow(value === 'all' ? 'all' : 'some')} disabled={still} data={[{ value: 'some', label: t('correct.some') }, { value: 'all', label: t('correct.all') }]} aria-label={t('correct.how')} />
        {how === 'some' && <Answer of={history} empty={(data) => data.rows.length === 0} none={t('trends.empty')}>{(data) => <Recorded data={data} right={right} onRight={setRight} still={still} />}</Answer>}
        <Textarea label={t('correct.why')} value={note} onChange={(event) => setNote(event.currentTarget.value)} autosize minRows={1} disabled={still} required />
        <Steps of={steps} ready={edits.length > 0 && !wrong && note.trim() !== ''} onClose={onClose} />
      </Stack>
    </Modal>
  );
}

/** The value a text stands for, or undefined where it is none of the property's type. */
export function valueOf(text: string, type: string): number | string | boolean | undefined {
  if (type === 'boolean') return text === 'true' || (text === 'false' ? false : undefined);
  if (type === 'string' || type === 'json') return text;
  const number = Number(text.trim().replace(',', '.'));
  return text.trim() === '' || !Number.isFinite(number) || (type === 'integer' && !Number.isInteger(number)) ? undefined : number;
}

function Recorded({ data, right, onRight, still }: { data: History; right: Right; onRight: (next: Right) => void; still: boolean }) {
  const { t } = useTranslation();
  const f = useFormat();
  const without = (at: string): Right => Object.fromEntries(Object.entries(right).filter(([one]) => one !== at));
  return (
    <Box>
      <Scroll minWidth={400} mah={300}>
        <Table verticalSpacing={2} data-recorded>
          <Table.Thead><Table.Tr><Table.Th>{t('correct.at')}</Table.Th><Table.Th className="figure">{t('correct.recorded')}</Table.Th><Table.Th>{t('correct.right')}</Table.Th><Table.Th>{t('correct.back')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {data.rows.map((row) => {
              const at = row.timestamp;
              const text = right[at];
              const bad = typeof text === 'string' && valueOf(text, data.type) === undefined;
              return (
                <Table.Tr key={at}>
                  <Table.Td className="nowrap">{f.when(at)}{/\.\d{1,3}/.exec(at)?.[0]}</Table.Td>
                  <Table.Td className="figure">{f.value(row.value)} {data.unit}{row.quality !== 'good' && ` (${t(`quality.${row.quality}`)})`}</Table.Td>
                  <Table.Td><TextInput aria-label={`${t('correct.right')}: ${f.when(at)}`} size="xs" w={100} value={text ?? ''} disabled={still || text === null} error={bad ? t('correct.wrong') : undefined} onChange={(event) => { const now = event.currentTarget.value; onRight(now === '' ? without(at) : { ...right, [at]: now }); }} /></Table.Td>
                  <Table.Td><Checkbox aria-label={`${t('correct.back')}: ${f.when(at)}`} checked={text === null} disabled={still} onChange={(event) => onRight(event.currentTarget.checked ? { ...right, [at]: null } : without(at))} /></Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </Scroll>
      {data.next !== null && <Text size="xs" c="dimmed">{t('correct.first', { count: data.rows.length })}</Text>}
    </Box>
  );
}

/** What is different: the machine's figures over the whole period, then value by value. */
function Outcome({ of: found }: { of: Recompute }) {
  const { t } = useTranslation();
  const f = useFormat();
  const shown = (name: string, value: number | null | undefined): string => (isRatio(name) ? f.percent(value, 2) : f.number(value));
  return (
    <>
      <Text size="sm" fw={600} role="status">{found.error || t(found.preview ? 'recompute.would' : `recompute.state.${found.state}`, { changed: f.number(found.changed), windows: f.number(found.windows) })}</Text>
      {found.figures.map((one) => (
        <Scroll key={one.asset} minWidth={420}>
          <Table aria-label={one.asset}>
            <Table.Thead><Table.Tr><Table.Th>{one.asset.split('/').at(-1)}</Table.Th>{FIGURES.map((name) => <Table.Th key={name} className="figure">{name === 'oee' ? 'OEE' : t(`oee.${name}`)}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>
              <Table.Tr><Table.Td>{t('recompute.old')}</Table.Td>{FIGURES.map((name) => <Table.Td key={name} className="figure">{shown(name, one.old[name])}</Table.Td>)}</Table.Tr>
              <Table.Tr><Table.Td fw={700}>{t('recompute.new')}</Table.Td>{FIGURES.map((name) => <Table.Td key={name} className="figure" fw={one.old[name] === one.new[name] ? 400 : 700}>{shown(name, one.new[name])}</Table.Td>)}</Table.Tr>
            </Table.Tbody>
          </Table>
        </Scroll>
      ))}
      {found.changes.length > 0 && (
        <details>
          <summary className="tap">{t('recompute.values', { count: found.changes.length })}{found.capped && ` · ${t('recompute.capped')}`}</summary>
          <Changes items={found.changes} />
        </details>
      )}
    </>
  );
}

function Changes({ items }: { items: Change[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Scroll minWidth={460} mah={300}>
      <Table verticalSpacing={3}>
        <Table.Thead><Table.Tr><Table.Th>{t('recompute.until')}</Table.Th><Table.Th>{t('machine.property')}</Table.Th><Table.Th className="figure">{t('recompute.old')}</Table.Th><Table.Th className="figure">{t('recompute.new')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((one) => (
            <Table.Tr key={`${one.path} ${one.at}`}>
              <Table.Td className="nowrap">{f.when(one.at)}</Table.Td>
              <Table.Td className="wrap">{one.path.split('/').slice(-2).join(' / ')}</Table.Td>
              <Table.Td className="figure"><span className="diff-old">{f.value(one.old)}</span></Table.Td>
              <Table.Td className="figure"><span className="diff-new">{f.value(one.new)}</span></Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}

/** What recomputes have replaced in this period: who, when, why, and the values before. */
export function WhatChanged({ path, period }: { path: string; period: Period }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Panel title={t('recompute.changed')} pad={false}>
      <Answer of={useQuery(q.replaced(path, period))} empty={(list) => list.items.length === 0} none={t('recompute.nothing')}>
        {(list) => (
          <Box className="rows">
            {[...new Set(list.items.map((one) => one.recompute_id))].map((id) => {
              const mine = list.items.filter((one) => one.recompute_id === id);
              const first = mine[0];
              if (!first) return null;
              return (
                <Box key={id} className="pad">
                  <Group gap={8}><Text size="sm" fw={600}>{f.when(first.created)} · {first.by ?? t('word.unknown')}</Text><Badge color="slate" variant="outline">{t(`recompute.why.${first.reason}`, { defaultValue: first.reason })}</Badge></Group>
                  {first.note && <Text size="sm" className="wrap">{first.note}</Text>}
                  <details><summary className="tap">{t('recompute.values', { count: mine.length })}</summary><Changes items={mine} /></details>
                </Box>
              );
            })}
          </Box>
        )}
      </Answer>
    </Panel>
  );
}

/** Which recorded values of these properties were put right: when, by whom, why, and what followed. */
export function Corrected({ paths }: { paths: readonly string[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const all = useQuery({ queryKey: ['recompute'], queryFn: ({ signal }) => ask<{ items: Recompute[] }>('recompute', { query: { limit: 200 }, signal }), enabled: paths.length > 0 }).data?.items ?? [];
  const mine = all.filter((one) => one.edits.some((edit) => paths.includes(edit.property)));
  if (mine.length === 0) return null;
  return (
    <Panel title={t('correct.done')} pad={false} mt="sm">
      <Box className="rows" data-corrected>
        {mine.map((one) => (
          <Box key={one.id} className="pad">
            <Text size="sm" fw={600}>{f.when(one.created)} · {one.by ?? t('word.unknown')}{one.note && ` · ${one.note}`}</Text>
            {one.edits.slice(0, 20).map((edit) => <Text key={edit.property + edit.start} size="sm" className="wrap">{edit.property}: {edit.value === null ? t('correct.taken', { start: f.when(edit.start), end: f.when(edit.end) }) : t('correct.put', { at: f.when(edit.start), value: f.value(edit.value) })}</Text>)}
            <Text size="xs" c="dimmed">{one.error || t(`recompute.state.${one.state}`, { changed: f.number(one.changed), windows: f.number(one.windows), defaultValue: one.state })}</Text>
          </Box>
        ))}
      </Box>
    </Panel>
  );
}
