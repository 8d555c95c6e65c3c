/** Years of an older historian into the running node: hand a file over, see how far it is, stop it, get what was refused. */
import { Anchor, Box, Button, Checkbox, FileButton, Group, Modal, Progress, Select, Stack, Table, Text, TextInput } from '@mantine/core';
import { IconUpload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, ask } from '../api/client';
import { type How, type ImportJob, OPEN, handOver, imports } from '../api/imports';
import { useCommand } from '../api/queries';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Panel } from './Page';
import { Scroll } from './Scroll';

export function Imports() {
  const { t } = useTranslation();
  const may = useMay('imports.run');
  const found = useQuery({ ...imports, enabled: may });
  const [asking, setAsking] = useState(false);
  if (!may) return null;
  const items = found.data?.items ?? [];
  return (
    <Box mb="sm"><Panel title={t('import.title')} extra={<Button size="xs" leftSection={<IconUpload size={14} aria-hidden />} onClick={() => setAsking(true)}>{t('import.begin')}</Button>}>
      {items.length === 0 ? <Text size="sm" c="dimmed">{t('import.none')}</Text> : <Rows items={items} />}
      {asking && <Ask close={() => setAsking(false)} />}
    </Panel></Box>
  );
}

function Rows({ items }: { items: ImportJob[] }) {
  const { t } = useTranslation();
  return (
    <Scroll minWidth={680}>
      <Table data-imports>
        <Table.Thead><Table.Tr>{['file', 'state', 'rows', 'refused'].map((name) => <Table.Th key={name} className={['rows', 'refused'].includes(name) ? 'figure' : undefined}>{t(`import.${name}`)}</Table.Th>)}<Table.Th><span className="visually-hidden">{t('import.stop')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{items.map((one) => <Row key={one.id} one={one} />)}</Table.Tbody>
      </Table>
    </Scroll>
  );
}

function Row({ one }: { one: ImportJob }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('imports.cancel');
  const cancel = useCommand(() => ask(`imports/${one.id}/cancel`, { method: 'POST' }), ['imports']);
  const share = one.state === 'uploading' ? one.received / one.size : one.total ? one.done / one.total : 0;
  const refused = Object.entries(one.rejected).filter(([, n]) => n > 0);
  return (
    <Table.Tr>
      <Table.Td>{one.file}<Text size="xs" c="dimmed">{f.when(one.created)}{one.by ? ` · ${one.by}` : ''}</Text></Table.Td>
      <Table.Td miw={160}>{t(`import.is.${one.state}`)}{one.again ? ` · ${t('import.again')}` : ''}{OPEN.includes(one.state) && <Progress value={share * 100} color="slate" aria-label={t('import.progress', { file: one.file })} />}{one.error && <Text size="xs">{one.error}</Text>}</Table.Td>
      <Table.Td className="figure">{f.number(one.stored)}{one.total > 0 && <Text size="xs" c="dimmed">{t('import.of', { total: f.number(one.total) })}</Text>}</Table.Td>
      <Table.Td className="figure">{refused.length === 0 ? f.number(0) : <Anchor href={address(`imports/${one.id}/errors`)} download title={t('import.errors', { file: one.file })}>{f.number(refused.reduce((sum, [, n]) => sum + n, 0))}<Text size="xs" c="dimmed" span display="block">{refused.map(([why, n]) => `${why} ${f.number(n)}`).join(', ')}</Text><span className="visually-hidden">{t('import.errors', { file: one.file })}</span></Anchor>}</Table.Td>
      <Table.Td>{may && OPEN.includes(one.state) && <Button size="xs" loading={cancel.isPending} onClick={() => cancel.mutate(undefined)}>{t('import.stop')}</Button>}</Table.Td>
    </Table.Tr>
  );
}

function Ask({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const [file, setFile] = useState<File | null>(null);
  const [how, setHow] = useState<How>({ layout: 'long', source: 'import', properties: true, timezone: '' });
  const [share, setShare] = useState(0);
  const send = useCommand((one: File) => handOver(one, how, setShare), ['imports'], close);
  return (
    <Modal opened onClose={close} title={t('import.begin')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Stack gap="sm">
        <Text size="sm">{t('import.about')}</Text>
        <Group gap="xs"><FileButton accept=".csv,.parquet,.avro,.txt" onChange={setFile} inputProps={{ 'aria-label': t('import.choose') }}>{(props) => <Button {...props} disabled={send.isPending}>{t('import.choose')}</Button>}</FileButton><Text size="sm" c={file ? undefined : 'dimmed'} truncate>{file?.name ?? t('import.noFile')}</Text></Group>
        <Select label={t('import.layout')} allowDeselect={false} value={how.layout} onChange={(value) => value && setHow({ ...how, layout: value })} data={['long', 'wide', 'sitewise'].map((value) => ({ value, label: t(`import.as.${value}`) }))} />
        <Checkbox label={t('import.properties')} checked={how.properties} onChange={(event) => setHow({ ...how, properties: event.currentTarget.checked })} />
        {!how.properties && <TextInput label={t('import.source')} value={how.source} onChange={(event) => setHow({ ...how, source: event.currentTarget.value })} />}
        <TextInput label={t('import.timezone')} placeholder="Europe/Berlin" value={how.timezone} onChange={(event) => setHow({ ...how, timezone: event.currentTarget.value.trim() })} />
        {send.isPending && <Progress value={share * 100} color="slate" aria-label={t('import.sending')} />}
        <Group justify="flex-end" gap="xs"><Button onClick={close}>{t('action.cancel')}</Button><Button variant="filled" disabled={!file || (!how.properties && !how.source)} loading={send.isPending} onClick={() => file && send.mutate(file)} data-import>{t('import.send')}</Button></Group>
      </Stack>
    </Modal>
  );
}
