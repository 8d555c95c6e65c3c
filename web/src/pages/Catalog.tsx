import { Alert, Badge, Box, Button, Group, SimpleGrid, Stack, Table, TagsInput, Text, Textarea, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconArrowLeft, IconCode, IconPencil } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { CatalogTable, CatalogDetail } from '../api/types';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

/** Which tables there are, what their columns mean, how fresh they are, and what was computed from what. */
export default function Catalog() {
  const { t } = useTranslation();
  const chosen = useSearch({ strict: false }).table;
  const [search, setSearch] = useState('');
  const words = search.trim().toLowerCase();
  const fits = (one: CatalogTable): boolean => !words || [one.name, one.description, one.owner, ...one.tags, ...one.columns.map((column) => column.name)].join(' ').toLowerCase().includes(words);
  return (
    <>
      <PageHead title={t('nav.catalog')} sub={t('catalog.sub')}><TextInput aria-label={t('catalog.search')} placeholder={t('catalog.search')} w={280} maw="100%" data-search value={search} onChange={(event) => setSearch(event.currentTarget.value)} /></PageHead>
      <Answer of={useQuery(q.catalog)}>
        {(book) => (
          <>
            {book.problems.length > 0 && (
              <Alert mb="sm" variant="outline" color="slate" icon={<IconAlertTriangle size={20} aria-hidden color="var(--alarm-2)" />} title={t('catalog.problems', { count: book.problems.length })}>
                {book.problems.map((one) => <Text key={one.file} size="sm" className="wrap"><b>{one.file}</b>: {one.problem}{one.hint && ` – ${one.hint}`}</Text>)}
              </Alert>
            )}
            <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
              {/* in a hand one thing at a time: the list, or the table that was chosen */}
              <Box visibleFrom={chosen ? 'lg' : undefined}><List items={book.items.filter(fits)} chosen={chosen} /></Box>
              <div>{chosen ? <><Button component={Link} to="/catalog" hiddenFrom="lg" mb="sm" leftSection={<IconArrowLeft size={16} aria-hidden />}>{t('catalog.all')}</Button><One key={chosen} name={chosen} /></> : <Text c="dimmed" p="sm">{t('catalog.choose')}</Text>}</div>
            </SimpleGrid>
          </>
        )}
      </Answer>
    </>
  );
}

function List({ items, chosen }: { items: CatalogTable[]; chosen: string | undefined }) {
  const { t } = useTranslation();
  const f = useFormat();
  const navigate = useNavigate();
  return (
    <Panel pad={false}>
      <Scroll minWidth={520}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('catalog.table')}</Table.Th><Table.Th>{t('catalog.kind')}</Table.Th><Table.Th className="figure">{t('catalog.rows')}</Table.Th><Table.Th>{t('catalog.newest')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {items.map((one) => (
              <Table.Tr key={one.name} className={one.name === chosen ? 'choose chosen' : 'choose'} onClick={() => void navigate({ to: '/catalog', search: { table: one.name } })}>
                <Table.Td>
                  <Link to="/catalog" search={{ table: one.name }} className="plain tap" aria-current={one.name === chosen ? 'true' : undefined}><Text component="span" size="sm" fw={600} className="mono">{one.name}</Text></Link>
                  <Group gap={4}>{one.tags.map((tag) => <Badge key={tag} size="sm" variant="outline" color="slate">{tag}</Badge>)}</Group>
                </Table.Td>
                <Table.Td>{t(`tableKind.${one.kind}`)}{one.room && <Text size="xs" c="dimmed">{one.room}</Text>}</Table.Td>
                <Table.Td className="figure">{one.rows === null ? '–' : f.number(one.rows)}</Table.Td>
                <Table.Td className="nowrap">{one.newest ? f.when(one.newest) : '–'}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </Panel>
  );
}

function One({ name }: { name: string }) {
  return <Answer of={useQuery(q.table(name))}>{(one) => <Stack gap="sm"><About one={one} /><Columns one={one} />{one.lineage.length > 0 && <Lineage one={one} />}</Stack>}</Answer>;
}

function About({ one }: { one: CatalogDetail }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [editing, setEditing] = useState(false);
  const may = useMay('catalog.edit');
  const mayAsk = useMay('sql.query');
  const question = `SELECT ${one.columns.map((column) => (/^[a-z_][a-z0-9_]*$/.test(column.name) ? column.name : `"${column.name}"`)).join(', ')}\nFROM ${one.name}\nLIMIT 100`;
  return (
    <Panel title={<span className="mono">{one.name}</span>} extra={<Group gap="xs">{may && !editing && <Button leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setEditing(true)}>{t('catalog.edit')}</Button>}{mayAsk && <Button variant="filled" leftSection={<IconCode size={16} aria-hidden />} renderRoot={(props) => <Link to="/sql" search={{ sql: question }} {...props} />}>{t('catalog.ask')}</Button>}</Group>}>
      {editing ? <Edit one={one} done={() => setEditing(false)} /> : (
        <Facts
          of={[
            [t('catalog.description'), one.description || '–'],
            [t('catalog.owner'), one.owner || '–'],
            [t('catalog.tags'), one.tags.join(', ') || '–'],
            [t('catalog.rows'), one.rows === null ? t('catalog.notCounted') : f.number(one.rows)],
            [t('catalog.newest'), one.newest ? f.when(one.newest) : '–'],
            ...(one.made_of.length ? [[t('catalog.madeOf'), one.made_of.map((from) => <Link key={from} to="/catalog" search={{ table: from }}>{from}</Link>)] as const] : []),
            ...(one.job ? [[t('catalog.job'), <Link key="job" to="/etl">{one.job}</Link>] as const] : []),
            ...(one.file ? [[t('catalog.file'), `${one.file} (${f.number((one.size ?? 0) / 1024, 1)} kB)`] as const] : []),
          ]}
        />
      )}
    </Panel>
  );
}

function Edit({ one, done }: { one: CatalogDetail; done: () => void }) {
  const { t } = useTranslation();
  const told = one.kind === 'lake' || one.kind === 'file';
  const [entry, setEntry] = useState({ description: one.description, owner: one.owner, tags: one.tags, ...(told && !one.job ? { made_of: one.made_of } : {}) });
  const [columns, setColumns] = useState(Object.fromEntries(one.columns.map((column) => [column.name, { unit: column.unit, description: column.description }])));
  const { data: book } = useQuery(q.catalog);
  const save = useCommand(() => ask(`catalog/${encodeURIComponent(one.name)}`, { method: 'PATCH', body: { ...entry, ...(told ? { columns } : {}), ...(one.version ? { version: one.version } : {}) } }), ['catalog'], () => { report(t('word.saved')); done(); });
  return (
    <Stack gap="xs">
      <Textarea label={t('catalog.description')} autosize minRows={2} maxLength={2000} value={entry.description} onChange={(event) => setEntry({ ...entry, description: event.currentTarget.value })} />
      <TextInput label={t('catalog.owner')} maxLength={200} value={entry.owner} onChange={(event) => setEntry({ ...entry, owner: event.currentTarget.value })} />
      <TagsInput label={t('catalog.tags')} maxTags={30} value={entry.tags} onChange={(tags) => setEntry({ ...entry, tags })} />
      {entry.made_of && <TagsInput label={t('catalog.madeOf')} maxTags={50} data={(book?.items ?? []).map((table) => table.name).filter((name) => name !== one.name)} value={entry.made_of} onChange={(made_of) => setEntry({ ...entry, made_of })} />}
      {told && one.columns.map((column) => (
        <Group key={column.name} gap="xs" align="flex-end" wrap="nowrap">
          <TextInput w={110} label={<span><span className="mono">{column.name}</span>: {t('catalog.unit')}</span>} maxLength={40} value={columns[column.name]?.unit ?? ''} onChange={(event) => setColumns({ ...columns, [column.name]: { description: columns[column.name]?.description ?? '', unit: event.currentTarget.value } })} />
          <TextInput style={{ flex: 1 }} label={t('catalog.meaning')} maxLength={500} value={columns[column.name]?.description ?? ''} onChange={(event) => setColumns({ ...columns, [column.name]: { unit: columns[column.name]?.unit ?? '', description: event.currentTarget.value } })} />
        </Group>
      ))}
      <Group gap="xs"><Button variant="filled" loading={save.isPending} onClick={() => save.mutate(undefined)}>{t('action.save')}</Button><Button onClick={done}>{t('action.cancel')}</Button></Group>
    </Stack>
  );
}

function Columns({ one }: { one: CatalogDetail }) {
  const { t } = useTranslation();
  return (
    <Panel title={t('catalog.columns')} pad={false}>
      <Scroll minWidth={420}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('catalog.column')}</Table.Th><Table.Th>{t('catalog.type')}</Table.Th><Table.Th>{t('catalog.unit')}</Table.Th><Table.Th>{t('catalog.meaning')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{one.columns.map((column) => <Table.Tr key={column.name}><Table.Td className="mono nowrap">{column.name}</Table.Td><Table.Td>{column.type}</Table.Td><Table.Td>{column.unit}</Table.Td><Table.Td className="wrap">{column.description}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </Scroll>
    </Panel>
  );
}

function Lineage({ one }: { one: CatalogDetail }) {
  const { t } = useTranslation();
  return (
    <Panel title={t('catalog.lineage')} pad={false}>
      <Scroll minWidth={560} mah={360}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('catalog.property')}</Table.Th><Table.Th>{t('catalog.formula')}</Table.Th><Table.Th>{t('catalog.inputs')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{one.lineage.map((row) => <Table.Tr key={row.property}><Table.Td className="wrap">{row.property}</Table.Td><Table.Td className="mono">{row.formula}</Table.Td><Table.Td>{row.inputs.map((input) => <Text key={input} size="sm" className="wrap">{input}</Text>)}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </Scroll>
    </Panel>
  );
}
