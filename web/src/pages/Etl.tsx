import { Alert, Button, Group, Stack, Table, Text } from '@mantine/core';
import { IconAlertTriangle, IconPlayerPlay, IconPlayerStop } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { etl, type EtlJob, type EtlRun } from '../api/etl';
import { useCommand } from '../api/queries';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

/** Jobs that write tables of the lake: when they are due, how they went, and why not. */
export default function Etl() {
  const { t } = useTranslation();
  return (
    <>
      <PageHead title={t('nav.etl')} sub={t('etl.sub')} />
      <Answer of={useQuery(etl.jobs)}>
        {(book) => (
          <Stack gap="sm">
            {book.problems.length > 0 && (
              <Alert variant="outline" color="slate" icon={<IconAlertTriangle size={20} aria-hidden color="var(--alarm-2)" />} title={t('etl.problems', { count: book.problems.length })}>
                {book.problems.map((one) => <Text key={one.where + one.problem} size="sm" className="wrap"><b>{one.where}</b>: {one.problem}{one.hint && ` – ${one.hint}`}</Text>)}
              </Alert>
            )}
            {book.items.length === 0 ? <Panel><Text c="dimmed">{t('etl.none')}</Text></Panel> : <Jobs items={book.items} />}
            <Runs />
          </Stack>
        )}
      </Answer>
    </>
  );
}

function Jobs({ items }: { items: EtlJob[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('etl.run');
  const run = useCommand((job: string) => post(`etl/${encodeURIComponent(job)}/run`, {}), ['etl'], () => report(t('etl.asked')));
  return (
    <Panel title={t('etl.jobs')} pad={false}>
      <Scroll minWidth={760}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('etl.job')}</Table.Th><Table.Th>{t('etl.schedule')}</Table.Th><Table.Th>{t('etl.tables')}</Table.Th><Table.Th>{t('etl.owner')}</Table.Th><Table.Th>{t('etl.last')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {items.map((one) => (
              <Table.Tr key={one.job}>
                <Table.Td><Text size="sm" fw={600}>{one.job}</Text><Text size="xs" c="dimmed" className="wrap">{one.description}</Text></Table.Td>
                <Table.Td>{one.schedule || t('etl.byHand')}{one.next && <Text size="xs" c="dimmed">{t('etl.next', { at: f.when(one.next) })}</Text>}</Table.Td>
                <Table.Td>{one.steps.map((step) => <Text key={step.name} size="sm"><Link to="/catalog" search={{ table: step.table }} className="mono">{step.table}</Link> <Text component="span" size="xs" c="dimmed">{`${step.kind}, ${step.mode}`}</Text></Text>)}</Table.Td>
                <Table.Td>{one.owner}</Table.Td>
                <Table.Td>{one.last ? <Went run={one.last} /> : t('etl.never')}</Table.Td>
                <Table.Td>{may && <Button size="compact-md" leftSection={<IconPlayerPlay size={15} aria-hidden />} disabled={one.last !== null && one.last.ended === null} onClick={() => run.mutate(one.job)} aria-label={`${t('etl.run')}: ${one.job}`}>{t('etl.run')}</Button>}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </Panel>
  );
}

/** A run's state as a word; what failed carries a sign too, never a colour alone. */
function Went({ run }: { run: EtlRun }) {
  const { t } = useTranslation();
  return (
    <Group gap={4} wrap="nowrap">
      {run.state === 'failed' && <IconAlertTriangle size={16} aria-hidden color="var(--alarm-2)" />}
      <Text size="sm">{t(`etlState.${run.state}`)}{run.state === 'running' && ` ${run.step} (${run.steps_done + 1}/${run.steps})`}</Text>
    </Group>
  );
}

function Runs() {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('etl.cancel');
  const stop = useCommand((id: string) => post(`etl/runs/${id}/cancel`, {}), ['etl']);
  return (
    <Panel title={t('etl.runs')} pad={false}>
      <Answer of={useQuery(etl.runs)} empty={(list) => list.items.length === 0} none={t('etl.noRuns')}>
        {(list) => (
          <Scroll minWidth={720} mah={520}>
            <Table>
              <Table.Thead><Table.Tr><Table.Th>{t('etl.started')}</Table.Th><Table.Th>{t('etl.job')}</Table.Th><Table.Th>{t('word.state')}</Table.Th><Table.Th className="figure">{t('etl.rows')}</Table.Th><Table.Th>{t('etl.by')}</Table.Th><Table.Th>{t('etl.version')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {list.items.map((one) => (
                  <Table.Tr key={one.id}>
                    <Table.Td className="nowrap">{f.when(one.started)}</Table.Td>
                    <Table.Td>{one.job}</Table.Td>
                    <Table.Td><Group gap="xs"><Went run={one} />{may && one.ended === null && <Button size="compact-sm" leftSection={<IconPlayerStop size={14} aria-hidden />} onClick={() => stop.mutate(one.id)}>{t('action.cancel')}</Button>}</Group>{one.error && <Text size="xs" className="wrap mono" mah={120} style={{ overflow: 'auto', whiteSpace: 'pre-wrap' }}>{one.error}</Text>}</Table.Td>
                    <Table.Td className="figure">{f.number(one.rows)}</Table.Td>
                    <Table.Td>{one.by ?? '–'}</Table.Td>
                    <Table.Td className="mono">{one.job_version}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Scroll>
        )}
      </Answer>
    </Panel>
  );
}
