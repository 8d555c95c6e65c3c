import { Alert, Box, Button, Group, Modal, SimpleGrid, Table, Text, Title } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconEye, IconLoader, IconPencil, IconPlayerPause, IconPlayerPlay, IconPlugConnectedX, IconPlus, IconSearch, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask, post } from '../api/client';
import { sources as question, type SourceLine, type Tried } from '../api/discovery';
import { q, useCommand } from '../api/queries';
import type { Health } from '../api/types';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { useSentence } from '../locales/sentences';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { SourceCompare } from '../parts/SourceCompare';
import { Heard, SourceDialog, wantedOf, type Wanted } from '../parts/SourceDialog';
import { SystemEvents } from '../parts/SystemEvents';

const ICONS = { connected: IconCircleCheck, connecting: IconLoader, degraded: IconAlertTriangle, down: IconPlugConnectedX } as const;

/** The machines' lines to the house, and how the house itself is. */
export default function Sources() {
  const { t } = useTranslation();
  const may = useMay('sources.edit');
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const [gone, setGone] = useState<SourceLine | null>(null);
  const found = useQuery(question);
  const items = found.data?.items ?? [];
  return (
    <>
      <PageHead title={t('nav.sources')} sub={t('source.sub')}>
        {may && <Button component={Link} to="/discovery" leftSection={<IconSearch size={16} aria-hidden />}>{t('nav.discovery')}</Button>}
        {may && <Button variant="filled" leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setWanted({ name: '', type: '', options: {} })} data-add-source>{t('source.add')}</Button>}
      </PageHead>
      <Answer of={found}>
        {() => (
          <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
            {items.map((one) => <Source key={one.name} source={one} may={may} change={() => setWanted(wantedOf(one))} remove={() => setGone(one)} />)}
            {items.length === 0 && <Text c="dimmed">{t('source.none')}</Text>}
          </SimpleGrid>
        )}
      </Answer>
      {items.length > 1 && <SourceCompare sources={items} />}
      <Answer of={useQuery(q.health)}>{(health) => <House health={health} />}</Answer>
      {wanted && <SourceDialog wanted={wanted} close={() => setWanted(null)} />}
      {gone && <Remove source={gone} close={() => setGone(null)} />}
    </>
  );
}

function House({ health }: { health: Health }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm" mt="sm">
      <Panel title={t('source.events')}><SystemEvents /></Panel>
      <Panel title={t('source.house')}>
        <Facts of={[[t('word.state'), t(`health.${health.status}`)], [t('source.version'), health.version], [t('source.started'), f.when(health.started)], [t('source.uptime'), f.span(health.uptime_s)], [t('source.demo'), f.value(health.demo)]]} />
      </Panel>
    </SimpleGrid>
  );
}

function Source({ source, may, change, remove }: { source: SourceLine; may: boolean; change: () => void; remove: () => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const say = useSentence();
  const Icon = source.paused ? IconPlayerPause : (ICONS[source.state] ?? IconAlertTriangle);
  const tone = source.paused ? undefined : source.state === 'down' ? 'var(--alarm-1)' : source.state === 'degraded' ? 'var(--alarm-2)' : undefined;
  const bad = Object.entries(source.tags_bad ?? {});
  const where = source.options.url ?? source.options.host ?? source.options.folder;
  return (
    <Box component="section" className={tone ? 'card alarmed pad' : 'card pad'} style={{ minWidth: 0, ...(tone ? { ['--alarm-edge' as string]: tone } : {}) }} data-source={source.name}>
      <Group justify="space-between"><Title order={2} fz={16} className="wrap">{source.name}</Title><Group gap={5} c={tone}><Icon size={18} aria-hidden /><Text size="sm" fw={600}>{source.paused ? t('source.paused') : t(`sourceState.${source.state}`)}</Text></Group></Group>
      <Text size="sm" c="dimmed" className="wrap">{[source.type, where === undefined ? '' : String(where), t(source.written === 'here' ? 'source.here' : 'source.inFile', { by: source.by ?? '' })].filter(Boolean).join(' · ')}</Text>
      {source.message && !source.paused && <Text size="sm" className="wrap">{say(source.message)}</Text>}
      <Text size="sm" c="dimmed">{t('source.tags', { ok: f.number(source.tags_ok), bad: f.number(bad.length) })}</Text>
      {bad.length > 0 && <Table mt="xs"><Table.Tbody>{bad.slice(0, 20).map(([tag, why]) => <Table.Tr key={tag}><Table.Td className="mono wrap">{tag}</Table.Td><Table.Td className="wrap">{say(why)}</Table.Td></Table.Tr>)}</Table.Tbody></Table>}
      {bad.length > 20 && <Text size="sm" c="dimmed">{t('source.moreBad', { count: bad.length - 20 })}</Text>}
      {may && <Deeds source={source} change={change} remove={remove} />}
    </Box>
  );
}

function Deeds({ source, change, remove }: { source: SourceLine; change: () => void; remove: () => void }) {
  const { t } = useTranslation();
  const attempt = useCommand(() => post<Tried>('sources/test', { name: source.name }), []);
  const pause = useCommand(() => ask(`sources/${source.id}`, { method: 'PATCH', body: { paused: !source.paused, version: source.version } }), ['sources', 'health']);
  return (
    <>
      <Group gap={4} mt="xs">
        <Button size="compact-sm" variant="subtle" leftSection={<IconEye size={14} aria-hidden />} loading={attempt.isPending} onClick={() => attempt.mutate(undefined)}>{t('source.readOnce')}</Button>
        {source.id && <Button size="compact-sm" variant="subtle" leftSection={<IconPencil size={14} aria-hidden />} onClick={change}>{t('source.change')}</Button>}
        {source.id && <Button size="compact-sm" variant="subtle" leftSection={source.paused ? <IconPlayerPlay size={14} aria-hidden /> : <IconPlayerPause size={14} aria-hidden />} loading={pause.isPending} onClick={() => pause.mutate(undefined)}>{t(source.paused ? 'source.goOn' : 'source.pause')}</Button>}
        {source.id && <Button size="compact-sm" variant="subtle" leftSection={<IconTrash size={14} aria-hidden />} onClick={remove}>{t('source.remove')}</Button>}
      </Group>
      {attempt.data && <Box mt="xs"><Heard of={attempt.data} /></Box>}
    </>
  );
}

function Remove({ source, close }: { source: SourceLine; close: () => void }) {
  const { t } = useTranslation();
  const drop = useCommand(() => ask(`sources/${source.id}`, { method: 'DELETE' }), ['sources', 'health'], close);
  return (
    <Modal opened onClose={close} title={t('source.removeTitle', { name: source.name })} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Alert color="gray" variant="outline">{t('source.removeAbout')}</Alert>
      <Group justify="flex-end" gap="xs" mt="sm"><Button onClick={close}>{t('action.cancel')}</Button><Button variant="filled" loading={drop.isPending} onClick={() => drop.mutate(undefined)}>{t('source.remove')}</Button></Group>
    </Modal>
  );
}
