import { Alert, Badge, Button, Group, Progress, Table, Text } from '@mantine/core';
import { IconHandStop, IconPlayerPlay } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { a, type Agent, type Trust } from '../api/agents';
import { post } from '../api/client';
import { useCommand } from '../api/queries';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { AskReason } from './Confirm';
import { Answer, Panel } from './Page';
import { Scroll } from './Scroll';

/** Every actor that is no person: what it may touch, what it used today, and the switch. */
export function AgentsPanel() {
  const { t } = useTranslation();
  const may = useMay('agents.stop');
  const [asked, setAsked] = useState<string | null>(null);
  const stop = useCommand(({ name, why }: { name: string; why: string }) => post(name === '*' ? 'agents/stop' : `agents/${encodeURIComponent(name)}/stop`, { why }), ['agents', 'tower'], () => setAsked(null));
  const resume = useCommand((name: string) => post(name === '*' ? 'agents/resume' : `agents/${encodeURIComponent(name)}/resume`), ['agents', 'tower']);
  const answer = useQuery(a.agents);
  const all = answer.data?.stopped ?? false;
  return (
    <Panel pad={false} title={t('agents.title')} extra={may && answer.data && (
      all ? <Button leftSection={<IconPlayerPlay size={16} aria-hidden />} loading={resume.isPending} onClick={() => resume.mutate('*')} data-resume-all>{t('agents.resumeAll')}</Button>
        : <Button leftSection={<IconHandStop size={16} aria-hidden />} variant="outline" color="red" onClick={() => setAsked('*')} data-stop-all>{t('agents.stopAll')}</Button>)}>
      {all && <Alert m="sm" variant="outline" color="red" icon={<IconHandStop size={18} aria-hidden />} title={t('agents.allStopped')} data-all-stopped>{answer.data?.stopped_why}</Alert>}
      <Answer of={answer} empty={(list) => list.items.length === 0} none={t('agents.none')}>
        {(list) => (
          <Scroll minWidth={820}>
            <Table>
              <Table.Thead><Table.Tr>{['name', 'mayDo', 'model', 'used', 'state'].map((name) => <Table.Th key={name}>{t(`agents.${name}`)}</Table.Th>)}<Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {list.items.map((one) => (
                  <Row key={one.name} of={one} title={list.jobs.find((job) => job.name === one.job)?.title ?? one.job}>
                    {may && (one.state === 'stopped' ? <Button size="compact-sm" loading={resume.isPending && resume.variables === one.name} onClick={() => resume.mutate(one.name)}>{t('agents.resume')}</Button>
                      : <Button size="compact-sm" variant="outline" color="red" onClick={() => setAsked(one.name)} data-stop={one.name}>{t('agents.stop')}</Button>)}
                  </Row>
                ))}
              </Table.Tbody>
            </Table>
          </Scroll>
        )}
      </Answer>
      {asked !== null && <AskReason title={asked === '*' ? t('agents.stopAll') : t('agents.stopOne', { name: asked })} about={t('agents.stopAbout')} label={t('word.reason')} confirm={t('agents.stop')} busy={stop.isPending} onClose={() => setAsked(null)} onDone={(why) => stop.mutate({ name: asked, why })} />}
    </Panel>
  );
}

function Row({ of: one, title, children }: { of: Agent; title: string; children: React.ReactNode }) {
  const { t } = useTranslation();
  const f = useFormat();
  const trust = useQuery(a.trust(one.name));
  return (
    <Table.Tr data-agent={one.name}>
      <Table.Td><Text size="sm" fw={600}>{one.name}</Text><Text size="xs" c="dimmed">{t(`job.${one.job}`, { defaultValue: one.title || title })}</Text></Table.Td>
      <Table.Td className="wrap" maw={260}><Text size="sm">{t(`role.${one.role}`, { defaultValue: one.role })}{one.scope.length > 0 && ` · ${one.scope.join(', ')}`}</Text><Text size="xs" c="dimmed">{one.tools.join(', ') || t('agents.noTools')}</Text>{trust.data?.items.map((row) => <Earned key={`${row.process}/${row.task}`} of={row} />)}</Table.Td>
      <Table.Td className="wrap">{one.model || one.endpoint || '–'}{one.dry_run && <Text size="xs">{t('agents.dryRun')}</Text>}</Table.Td>
      <Table.Td miw={190}>
        <Used label={t('agents.calls')} used={one.used.calls} limit={one.calls_a_day} />
        <Used label={t('agents.tokens')} used={one.used.tokens} limit={one.tokens_a_day} />
        {(one.used.money > 0 || one.money_a_day !== null) && <Used label={t('agents.money')} used={one.used.money} limit={one.money_a_day} />}
        {one.used.refused > 0 && <Text size="xs">{t('agents.refused', { count: one.used.refused })}</Text>}
      </Table.Td>
      <Table.Td><Badge variant="outline" color={one.state === 'active' ? 'slate' : 'red'}>{t(`agentState.${one.state}`, { defaultValue: one.state })}</Badge>{one.why && <Text size="xs" className="wrap">{one.why}</Text>}{one.expires && <Text size="xs" c="dimmed">{t('agents.until')} {f.when(one.expires)}</Text>}</Table.Td>
      <Table.Td className="figure">{children}</Table.Td>
    </Table.Tr>
  );
}

function Used({ label, used, limit }: { label: string; used: number; limit: number | null }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <div>
      <Group justify="space-between" gap={6}><Text size="xs">{label}</Text><Text size="xs">{f.number(used)} / {limit === null ? t('agents.unlimited') : f.number(limit)}</Text></Group>
      {limit !== null && <Progress aria-label={label} size={4} color={used >= limit ? 'red' : 'slate'} value={limit === 0 ? 100 : Math.min(100, (used / limit) * 100)} />}
    </div>
  );
}

/** How far an agent has come with a task it may come to do alone. */
function Earned({ of: one }: { of: Trust }) {
  const { t } = useTranslation();
  const f = useFormat();
  return <Text size="xs" mt={4} title={one.why}>{t(`task.${one.task}`, { defaultValue: one.task })}: {t(`trust.${one.state}`)} · {t('trust.figures', { agreed: one.agreed, count: one.count, lower: f.number(one.lower, 2), level: f.number(one.level, 2) })}</Text>;
}
