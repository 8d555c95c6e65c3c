import { Badge, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { a, type Call, type Diff, type Run } from '../api/agents';
import { post } from '../api/client';
import { useCommand } from '../api/queries';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, Panel } from './Page';
import { Scroll } from './Scroll';

const show = (value: unknown): string => (value === null || value === undefined || value === '' ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value));

/** What agents worked at: each piece of work with what it changed, what it cost and how it ended. */
export function AgentRuns({ caseId, hideEmpty = false }: { caseId?: string; hideEmpty?: boolean }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('agents.judge');
  const object = useCommand((id: string) => post(`agent-runs/${id}/object`), ['agents', 'agent-runs', 'tower'], () => report(t('agents.objected')));
  const runs = useQuery(a.runs(caseId));
  if (hideEmpty && !runs.data?.items.length) return null;
  return (
    <Panel pad={false} mt="sm" title={t('agents.work')}>
      <Answer of={runs} empty={(list) => list.items.length === 0} none={t('agents.noWork')}>
        {(list) => (
          <Scroll minWidth={780}>
            <Table>
              <Table.Thead><Table.Tr>{['at', 'name', 'task', 'change', 'cost', 'state'].map((name) => <Table.Th key={name}>{t(`agents.${name}`)}</Table.Th>)}</Table.Tr></Table.Thead>
              <Table.Tbody>
                {list.items.map((one) => (
                  <Table.Tr key={one.id} data-run={one.state}>
                    <Table.Td className="nowrap">{f.when(one.opened)}</Table.Td>
                    <Table.Td>{one.agent}</Table.Td>
                    <Table.Td className="wrap">{one.task ? t(`task.${one.task}`, { defaultValue: one.task }) : t(`job.${one.job}`, { defaultValue: one.job })}{one.asset && <Text size="xs" c="dimmed">{one.asset}</Text>}{one.case_id && !caseId && <Link to="/cases/$id" params={{ id: one.case_id }} className="tap">{t('word.case')}</Link>}</Table.Td>
                    <Table.Td className="wrap" maw={320}><Change of={one} /></Table.Td>
                    <Table.Td className="nowrap">{f.number(one.tokens)} {t('agents.tokens')}{one.money > 0 && <Text size="xs">{f.number(one.money, 4)}</Text>}</Table.Td>
                    <Table.Td className="wrap" maw={260}><Badge variant="outline" color="slate">{t(`runState.${one.state}`, { defaultValue: one.state })}</Badge>{one.dry_run && <Text size="xs">{t('agents.dryRun')}</Text>}{one.why && <Text size="xs">{one.why}</Text>}{one.alone && <Text size="xs">{t('trust.delegated')}</Text>}{may && one.alone && <button type="button" className="tap link" onClick={() => object.mutate(one.id)}>{t('agents.object')}</button>}</Table.Td>
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

function Change({ of: one }: { of: Run }) {
  const { t } = useTranslation();
  const reason = one.output.reason ?? one.output.advice ?? one.output.headline ?? one.output.answer;
  return <>{one.diff.length === 0 ? one.state === 'done' && one.case_id && <Text size="sm">{t('agents.asDrafted')}</Text> : one.diff.map((row: Diff) => <Text key={row.field} size="sm">{t(`field.${row.field}`, { defaultValue: row.field })}: <span className="diff-old">{show(row.before)}</span> → <span className="diff-new">{show(row.after)}</span></Text>)}{reason ? <Text size="xs" c="dimmed">{show(reason)}</Text> : null}</>;
}

/** Every question to a model and every use of a tool, with tokens and cost. */
export function AgentCalls({ caseId }: { caseId?: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Panel pad={false} mt="sm" title={t('agents.allCalls')}>
      <Answer of={useQuery(a.calls(caseId))} empty={(list) => list.items.length === 0} none={t('agents.noCalls')}>
        {(list) => (
          <Scroll minWidth={760}>
            <Table>
              <Table.Thead><Table.Tr>{['at', 'name', 'tool', 'arguments', 'cost', 'state'].map((name) => <Table.Th key={name}>{t(`agents.${name}`)}</Table.Th>)}</Table.Tr></Table.Thead>
              <Table.Tbody>
                {list.items.map((one: Call) => (
                  <Table.Tr key={one.id} data-call={one.state}>
                    <Table.Td className="nowrap">{f.when(one.at)}</Table.Td>
                    <Table.Td>{one.agent}</Table.Td>
                    <Table.Td>{one.kind === 'model' ? t('agents.asked') : one.name}</Table.Td>
                    <Table.Td className="wrap" maw={320}><Text size="xs">{one.kind === 'tool' && one.arguments ? Object.entries(one.arguments).map(([name, value]) => `${name}: ${show(value)}`).join(' · ') : '–'}</Text></Table.Td>
                    <Table.Td className="nowrap">{one.kind === 'model' ? `${f.number(one.tokens_in + one.tokens_out)} ${t('agents.tokens')}` : '–'}{one.money > 0 && <Text size="xs">{f.number(one.money, 4)}</Text>}</Table.Td>
                    <Table.Td className="wrap" maw={240}><Badge variant="outline" color={one.state === 'refused' ? 'red' : 'slate'}>{t(`callState.${one.state}`, { defaultValue: one.state })}</Badge>{one.why && <Text size="xs">{one.why}</Text>}</Table.Td>
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
