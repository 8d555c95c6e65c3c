/** Computing the past again: first what would be different, then - on an engineer's word - written, and explained ever after. */
import { Badge, Box, Button, Group, Modal, Progress, Select, Stack, Table, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask, post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { Change, Period, Recompute } from '../api/types';
import { useFormat } from '../format/useFormat';
import { Panel, Answer } from './Page';
import { Scroll } from './Scroll';

const WHY = ['correction', 'late-data', 'formula-version', 'calendar'] as const;
const FIGURES = ['oee', 'availability', 'performance', 'quality', 'good', 'bad'] as const;
const isRatio = (name: string): boolean => FIGURES.slice(0, 4).some((one) => one === name);

export function RecomputeDialog({ path, period, onClose }: { path: string; period: Period; onClose: () => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [reason, setReason] = useState<string>('correction');
  const [formula, setFormula] = useState<string>('valid');
  const [note, setNote] = useState('');
  const [id, setId] = useState<string | null>(null);
  const body = { paths: [path], ...period, reason, formula, note: note.trim() };
  const preview = useCommand(() => post<Recompute>('recompute/preview', body), [], (made) => setId(made.id));
  const apply = useCommand(() => post<Recompute>('recompute', body), ['recompute'], (made) => setId(made.id));
  const found = useQuery({ ...q.recompute(id ?? ''), enabled: id !== null }).data;
  const busy = found !== undefined && ['waiting', 'running'].includes(found.state);
  const done = found !== undefined && !found.preview && found.state === 'done';
  const refresh = useCommand(() => Promise.resolve(null), ['oee', 'recompute', 'bad-actors', 'aggregates', 'history']);
  const { mutate } = refresh;
  useEffect(() => { if (done) mutate(null); }, [done, mutate]);
  const cancel = useCommand(() => ask(`recompute/${id ?? ''}/cancel`, { method: 'POST' }), ['recompute']);
  return (
    <Modal opened onClose={onClose} size="xl" title={t('recompute.title')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Stack gap="sm">
        <Text size="sm">{t('recompute.about', { path, start: f.when(period.start), end: f.when(period.end) })}</Text>
        <Group grow align="flex-start">
          <Select label={t('word.reason')} allowDeselect={false} value={reason} onChange={(value) => { if (value) setReason(value); setId(null); }} data={WHY.map((value) => ({ value, label: t(`recompute.why.${value}`) }))} disabled={busy || done} />
          <Select label={t('recompute.formula')} allowDeselect={false} value={formula} onChange={(value) => { if (value) setFormula(value); setId(null); }} data={['valid', 'current'].map((value) => ({ value, label: t(`recompute.version.${value}`) }))} disabled={busy || done} />
        </Group>
        <Textarea label={t('word.note')} value={note} onChange={(event) => setNote(event.currentTarget.value)} autosize minRows={1} disabled={busy || done} />
        {busy && <Progress value={found.share * 100} color="slate" aria-label={t('recompute.progress')} />}
        {found && !busy && <Outcome of={found} />}
        <Group justify="flex-end" gap="xs">
          <Button onClick={onClose}>{t(done ? 'action.close' : 'action.cancel')}</Button>
          {busy && <Button onClick={() => cancel.mutate(null)}>{t('recompute.stop')}</Button>}
          {!done && <Button loading={preview.isPending} disabled={busy} onClick={() => preview.mutate(null)} data-preview>{t('recompute.preview')}</Button>}
          {!done && <Button variant="filled" loading={apply.isPending} disabled={busy || !found?.preview || found.state !== 'done'} onClick={() => apply.mutate(null)} data-apply>{t('recompute.apply')}</Button>}
        </Group>
      </Stack>
    </Modal>
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
