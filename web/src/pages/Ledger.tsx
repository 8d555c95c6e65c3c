import { Box, SimpleGrid, Table, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import type { Ledger as Book, LedgerRow } from '../api/types';
import { useFormat } from '../format/useFormat';
import { Imports } from '../parts/Imports';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Account, Balance } from '../parts/Account';
import { Scroll } from '../parts/Scroll';

const COLUMNS = ['received', 'stored', 'duplicate', 'filtered', 'rejected', 'pending', 'balance'] as const;
const figure = (value: unknown): number => (typeof value === 'number' ? value : value && typeof value === 'object' ? Object.values(value).reduce((sum: number, one) => sum + (typeof one === 'number' ? one : 0), 0) : 0);

/** The totals the server gives, else the sum of the rows. */
export function totals(book: Book): Record<(typeof COLUMNS)[number], number> {
  return Object.fromEntries(COLUMNS.map((name) => [name, book.totals?.[name] !== undefined ? figure(book.totals[name]) : book.items.reduce((sum, row) => sum + figure(row[name]), 0)])) as Record<(typeof COLUMNS)[number], number>;
}

/** Every value accounted for: received is stored, found duplicate, filtered, rejected or still on its way. */
export default function Ledger() {
  const { source, tag } = useSearch({ strict: false });
  return source === undefined ? <AllTags /> : <Account key={`${source} ${tag ?? ''}`} source={source} tag={tag} />;
}

function AllTags() {
  const { t } = useTranslation();
  const [search, setSearch] = useState('');
  return (
    <>
      <PageHead title={t('nav.ledger')} sub={t('ledger.sub')}><TextInput aria-label={t('ledger.search')} placeholder={t('ledger.search')} data-search value={search} onChange={(event) => setSearch(event.currentTarget.value)} /></PageHead>
      <Imports />
      <Answer of={useQuery(q.ledger)} empty={(book) => book.items.length === 0}>{(book) => <Body book={book} search={search.trim().toLowerCase()} />}</Answer>
    </>
  );
}

function Body({ book, search }: { book: Book; search: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  const sum = totals(book);
  const rows = useMemo(() => book.items.filter((row) => !search || `${row.source} ${row.tag}`.toLowerCase().includes(search)).sort((a, b) => Math.abs(b.balance) - Math.abs(a.balance) || a.source.localeCompare(b.source) || a.tag.localeCompare(b.tag)), [book.items, search]);
  return (
    <>
      <SimpleGrid cols={{ base: 2, sm: 4, lg: 7 }} spacing="xs" mb="sm">
        {COLUMNS.map((name) => <Box key={name} className="card pad"><Text size="xs" c="dimmed">{t(`ledger.${name}`)}</Text>{name === 'balance' ? <Balance value={sum.balance} big /> : <Text fz={20} fw={600}>{f.number(sum[name])}</Text>}</Box>)}
      </SimpleGrid>
      <Panel pad={false}>
        <Scroll minWidth={760}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{t('ledger.source')}</Table.Th><Table.Th>{t('ledger.tag')}</Table.Th>{COLUMNS.map((name) => <Table.Th key={name} className="figure">{t(`ledger.${name}`)}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>{rows.slice(0, 500).map((row) => <Row key={`${row.source} ${row.tag}`} row={row} />)}</Table.Tbody>
          </Table>
        </Scroll>
        {rows.length > 500 && <Text size="sm" c="dimmed" p="sm">{t('ledger.more', { count: rows.length - 500 })}</Text>}
      </Panel>
    </>
  );
}

function Row({ row }: { row: LedgerRow }) {
  const f = useFormat();
  const reasons = typeof row.rejected === 'object' && row.rejected ? Object.entries(row.rejected).filter(([, count]) => count > 0) : [];
  return (
    <Table.Tr>
      <Table.Td><Link to="/ledger" search={{ source: row.source }} className="tap">{row.source}</Link></Table.Td>
      <Table.Td className="mono"><Link to="/ledger" search={{ source: row.source, tag: row.tag }} className="tap">{row.tag || '–'}</Link></Table.Td>
      {COLUMNS.slice(0, -1).map((name) => <Table.Td key={name} className="figure">{f.number(figure(row[name]))}{name === 'rejected' && reasons.length > 0 && <Text size="xs" c="dimmed">{reasons.map(([why, count]) => `${why} ${f.number(count)}`).join(', ')}</Text>}</Table.Td>)}
      <Table.Td className="figure"><Balance value={row.balance} /></Table.Td>
    </Table.Tr>
  );
}
