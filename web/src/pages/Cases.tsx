import { Badge, SegmentedControl, Table, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';
import { useTitle } from '../parts/titles';

/** Every case from the first signal to the verified repair. */
export default function Cases() {
  const { t } = useTranslation();
  const f = useFormat();
  const title = useTitle();
  const [which, setWhich] = useState('open');
  const [search, setSearch] = useState('');
  const answer = useQuery(q.cases);
  const words = search.trim().toLowerCase();
  const shown = (answer.data?.items ?? []).filter((one) => (which === 'all' || one.state === 'open') && (!words || `${one.number} ${one.title} ${title(one.title)} ${one.asset}`.toLowerCase().includes(words)));
  return (
    <>
      <PageHead title={t('nav.cases')} sub={t('case.sub')}>
        <TextInput aria-label={t('case.search')} placeholder={t('case.search')} data-search value={search} onChange={(event) => setSearch(event.currentTarget.value)} />
        <SegmentedControl size="sm" aria-label={t('case.which')} value={which} onChange={setWhich} data={[{ value: 'open', label: t('case.open') }, { value: 'all', label: t('case.all') }]} />
      </PageHead>
      <Panel pad={false}>
        <Answer of={answer} empty={() => shown.length === 0} none={t('case.none')}>
          {() => (
            <Scroll minWidth={640}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>{t('word.number')}</Table.Th><Table.Th>{t('case.title')}</Table.Th><Table.Th>{t('word.asset')}</Table.Th><Table.Th>{t('case.task')}</Table.Th><Table.Th>{t('word.state')}</Table.Th><Table.Th>{t('case.opened')}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {shown.map((one) => (
                    <Table.Tr key={one.id}>
                      <Table.Td className="nowrap"><Link to="/cases/$id" params={{ id: one.id }} className="tap"><strong>{one.number}</strong></Link></Table.Td>
                      <Table.Td>{title(one.title)}</Table.Td>
                      <Table.Td>{one.asset}</Table.Td>
                      <Table.Td>{one.current_task ? t(`task.${one.current_task}`, { defaultValue: one.current_task }) : '–'}</Table.Td>
                      <Table.Td><Badge color="slate" variant="outline">{t(`caseState.${one.state}`)}</Badge></Table.Td>
                      <Table.Td className="nowrap"><Text size="sm">{f.when(one.opened)}</Text></Table.Td>
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
