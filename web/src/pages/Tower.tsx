import { Group, SegmentedControl, Table, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { useFormat } from '../format/useFormat';
import { Actor } from '../parts/Actor';
import { AgentCalls, AgentRuns } from '../parts/AgentCalls';
import { AgentsPanel } from '../parts/AgentsPanel';
import { Deed, Outcome } from '../parts/Deed';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

const VIEWS = ['deeds', 'agents', 'calls'] as const;

/** The control tower: what was done by whom or what; agents with their switch; every call of theirs. New lines come by themselves. */
export default function Tower() {
  const { t } = useTranslation();
  const [view, setView] = useState<(typeof VIEWS)[number]>('deeds');
  return (
    <>
      <PageHead title={t('nav.tower')} sub={t('tower.sub')}>
        <SegmentedControl size="sm" aria-label={t('tower.view')} value={view} onChange={(value) => setView(value as typeof view)} data={VIEWS.map((value) => ({ value, label: t(`tower.${value}`) }))} data-tower-view />
      </PageHead>
      {view === 'deeds' && <Deeds />}
      {view === 'agents' && <><AgentsPanel /><AgentRuns /></>}
      {view === 'calls' && <AgentCalls />}
    </>
  );
}

function Deeds() {
  const { t } = useTranslation();
  const f = useFormat();
  const [who, setWho] = useState('all');
  const [search, setSearch] = useState('');
  const answer = useQuery(q.tower);
  const words = search.trim().toLowerCase();
  const shown = (answer.data?.items ?? []).filter((one) => (who === 'all' || (who === 'person') === (one.actor_kind === 'person')) && (!words || `${one.actor} ${one.what} ${one.asset ?? ''} ${one.task ?? ''}`.toLowerCase().includes(words)));
  return (
    <>
      <Group gap="xs" mb="sm">
        <TextInput aria-label={t('tower.search')} placeholder={t('tower.search')} data-search value={search} onChange={(event) => setSearch(event.currentTarget.value)} />
        <SegmentedControl size="sm" aria-label={t('tower.who')} value={who} onChange={setWho} data={[{ value: 'all', label: t('tower.all') }, { value: 'person', label: t('tower.people') }, { value: 'machine', label: t('tower.machines') }]} />
      </Group>
      <Panel pad={false}>
        <Answer of={answer} empty={() => shown.length === 0} none={t('tower.none')}>
          {() => (
            <Scroll minWidth={760}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>{t('tower.at')}</Table.Th><Table.Th>{t('tower.actor')}</Table.Th><Table.Th>{t('tower.what')}</Table.Th><Table.Th>{t('word.asset')}</Table.Th><Table.Th>{t('tower.mode')}</Table.Th><Table.Th>{t('tower.outcome')}</Table.Th><Table.Th>{t('word.case')}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {shown.map((one, at) => (
                    <Table.Tr key={`${one.at}${at}`}>
                      <Table.Td className="nowrap">{f.when(one.at)}</Table.Td>
                      <Table.Td miw={140}><Actor name={one.actor} kind={one.actor_kind} /></Table.Td>
                      <Table.Td miw={170}><Deed of={one} /></Table.Td>
                      <Table.Td miw={150}>{one.asset ?? '–'}</Table.Td>
                      <Table.Td>{one.mode ? t(`mode.${one.mode}`, { defaultValue: one.mode }) : '–'}</Table.Td>
                      <Table.Td miw={170} className="wrap"><Outcome of={one.outcome} /></Table.Td>
                      <Table.Td>{one.case_id ? <Link to="/cases/$id" params={{ id: one.case_id }} className="tap">{t('word.open')}</Link> : '–'}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Scroll>
          )}
        </Answer>
      </Panel>
    </>
  );
}
