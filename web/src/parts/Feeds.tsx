import { Button, Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import type { Feed } from '../api/production';
import { useCommand } from '../api/queries';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Scroll } from './Scroll';

/** Where orders, lots and results come from, when each was read last, and what was left out. */
export function Feeds({ of: feeds }: { of: Feed[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('production.edit');
  const read = useCommand((name: string) => post(`production/feeds/${encodeURIComponent(name)}/read`), ['production/feeds']);
  return (
    <Scroll minWidth={620}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('feed.name')}</Table.Th><Table.Th>{t('word.state')}</Table.Th><Table.Th>{t('feed.lastRun')}</Table.Th><Table.Th className="figure">{t('feed.taken')}</Table.Th><Table.Th className="figure">{t('feed.waiting')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {feeds.map((one) => (
            <Table.Tr key={one.name} data-feed={one.name}>
              <Table.Td><Text size="sm" fw={600}>{one.name}</Text><Text size="xs" c="dimmed">{one.type} · {t('feed.every', { span: f.span(one.every_s) })}</Text></Table.Td>
              <Table.Td maw={380}><Text size="sm" fw={one.state === 'failing' ? 700 : 400}>{t(`feedState.${one.state}`)}</Text>{one.error && <Text size="xs" className="wrap">{one.error}</Text>}{one.problems.slice(0, 5).map((problem) => <Text key={problem.where + problem.what} size="xs" className="wrap">{problem.where}: {problem.what}{problem.hint ? ` (${problem.hint})` : ''}</Text>)}{one.problems.length > 5 && <Text size="xs" c="dimmed">{t('feed.more', { count: one.problems.length - 5 })}</Text>}</Table.Td>
              <Table.Td className="nowrap">{f.when(one.last_run)}</Table.Td>
              <Table.Td className="figure">{f.number(one.taken)}</Table.Td>
              <Table.Td className="figure">{f.number(one.waiting)}</Table.Td>
              <Table.Td className="figure">{may && <Button size="compact-sm" onClick={() => read.mutate(one.name)} aria-label={`${t('feed.read')}: ${one.name}`}>{t('feed.read')}</Button>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}
