import { Box, Group, SimpleGrid, Table, Text, Title } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconLoader, IconPlugConnectedX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import type { SourceHealth } from '../api/types';
import { useFormat } from '../format/useFormat';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { SystemEvents } from '../parts/SystemEvents';

const ICONS = { connected: IconCircleCheck, connecting: IconLoader, degraded: IconAlertTriangle, down: IconPlugConnectedX } as const;

/** The machines' lines to the house, and how the house itself is. */
export default function Sources() {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <>
      <PageHead title={t('nav.sources')} sub={t('source.sub')} />
      <Answer of={useQuery(q.health)}>
        {(health) => (
          <>
            <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
              {health.sources.map((source) => <Source key={source.name} source={source} />)}
              {health.sources.length === 0 && <Text c="dimmed">{t('source.none')}</Text>}
            </SimpleGrid>
            <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm" mt="sm">
              <Panel title={t('source.events')}><SystemEvents /></Panel>
              <Panel title={t('source.house')}>
                <Facts of={[[t('word.state'), t(`health.${health.status}`)], [t('source.version'), health.version], [t('source.started'), f.when(health.started)], [t('source.uptime'), f.span(health.uptime_s)], [t('source.demo'), f.value(health.demo)]]} />
              </Panel>
            </SimpleGrid>
          </>
        )}
      </Answer>
    </>
  );
}

function Source({ source }: { source: SourceHealth }) {
  const { t } = useTranslation();
  const f = useFormat();
  const Icon = ICONS[source.state] ?? IconAlertTriangle;
  const tone = source.state === 'down' ? 'var(--alarm-1)' : source.state === 'degraded' ? 'var(--alarm-2)' : undefined;
  const bad = Object.entries(source.tags_bad ?? {});
  return (
    <Box component="section" className={tone ? 'card alarmed pad' : 'card pad'} style={tone ? { ['--alarm-edge' as string]: tone } : undefined} data-source={source.name}>
      <Group justify="space-between"><Title order={2} fz={16}>{source.name}</Title><Group gap={5} c={tone}><Icon size={18} aria-hidden /><Text size="sm" fw={600}>{t(`sourceState.${source.state}`)}</Text></Group></Group>
      {source.message && <Text size="sm" className="wrap">{source.message}</Text>}
      <Text size="sm" c="dimmed">{t('source.tags', { ok: f.number(source.tags_ok), bad: f.number(bad.length) })}</Text>
      {bad.length > 0 && <Table mt="xs"><Table.Tbody>{bad.slice(0, 20).map(([tag, why]) => <Table.Tr key={tag}><Table.Td className="mono">{tag}</Table.Td><Table.Td>{why}</Table.Td></Table.Tr>)}</Table.Tbody></Table>}
    </Box>
  );
}
