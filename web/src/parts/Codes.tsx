import { Badge, Box, Button, FileButton, Group, Select, Table, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { useCommand } from '../api/queries';
import { w } from '../api/workshop';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { Answer, Panel } from './Page';
import { Scroll } from './Scroll';

/** The lists an order is closed with: short, the plant's own, imported from a CSV where somebody has the standard's. */
export function Codes() {
  const { t } = useTranslation();
  return <Panel title={t('codes.title')} mt="sm"><Answer of={useQuery(w.codes)}>{(found) => <Lists of={found.lists} />}</Answer></Panel>;
}

function Lists({ of: lists }: { of: Record<string, Record<string, string>> }) {
  const { t } = useTranslation();
  const may = useMay('maintenance.codes');
  const [list, setList] = useState('mode');
  const [code, setCode] = useState('');
  const [text, setText] = useState('');
  const take = useCommand((body: { codes?: object[]; csv?: string }) => post('codes', body), ['codes'], () => { setCode(''); setText(''); report(t('word.saved')); });
  const rows = Object.entries(lists[list] ?? {});
  const mine = may && list !== 'label';
  return (
    <>
      <Text size="sm" c="dimmed" mb="xs">{t('codes.sub')}</Text>
      <Group gap="sm" align="flex-end" mb="sm">
        <Select label={t('codes.list')} allowDeselect={false} value={list} onChange={(value) => value && setList(value)} data={Object.keys(lists).map((value) => ({ value, label: t(`closing.${value}`, { defaultValue: value }) }))} data-codes-list />
        {may && <FileButton accept=".csv,text/csv" onChange={(file) => file && void file.text().then((csv) => take.mutate({ csv }))} inputProps={{ 'aria-label': t('codes.import') }}>{(props) => <Button {...props} loading={take.isPending}>{t('codes.import')}</Button>}</FileButton>}
      </Group>
      <Scroll minWidth={420}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('codes.code')}</Table.Th><Table.Th>{t('codes.text')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{rows.map(([key, said]) => <Table.Tr key={key} data-code={key}><Table.Td><Badge color="slate" variant="outline">{key}</Badge></Table.Td><Table.Td className="wrap">{t(`code.${list}.${key}`, { defaultValue: said })}</Table.Td><Table.Td className="figure">{mine && <Button size="compact-sm" onClick={() => take.mutate({ codes: [{ list, code: key, text: said, retired: true }] })} aria-label={`${t('codes.retire')}: ${key}`}>{t('codes.retire')}</Button>}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </Scroll>
      {mine && (
        <Box component="form" mt="sm" onSubmit={(event: React.FormEvent) => { event.preventDefault(); take.mutate({ codes: [{ list, code: code.trim(), text: text.trim() }] }); }}>
          <Group gap="sm" align="flex-end"><TextInput label={t('codes.code')} required w={140} value={code} onChange={(event) => setCode(event.currentTarget.value)} /><TextInput label={t('codes.text')} required style={{ flex: 1, minWidth: 180 }} value={text} onChange={(event) => setText(event.currentTarget.value)} /><Button type="submit" loading={take.isPending} data-save-code>{t('codes.put')}</Button></Group>
        </Box>
      )}
    </>
  );
}
