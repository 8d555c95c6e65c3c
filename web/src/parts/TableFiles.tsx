/** A list as a file: out as CSV or Excel, and in again, after a dry run that names every wrong cell. */
import { Anchor, Button, FileButton, Group, Modal, Stack, Table, Text } from '@mantine/core';
import { IconTable } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, ask } from '../api/client';
import { useCommand } from '../api/queries';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { Scroll } from './Scroll';

interface Taken { dry_run: boolean; rows: number; added: number; changed: number; known: number; what: string[]; wrong: { line: number; column: string; what: string; hint: string }[] }
const MAY = { assets: 'assets.import', parts: 'spares.import', orders: 'work-orders.create' } as const;
const TOUCHES = { assets: ['assets'], parts: ['spares'], orders: ['work-orders'] } as const;

export function TableFiles({ what }: { what: keyof typeof MAY }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button leftSection={<IconTable size={16} aria-hidden />} onClick={() => setOpen(true)} data-table-files>{t('table.title')}</Button>
      {open && <Files what={what} onClose={() => setOpen(false)} />}
    </>
  );
}

function Files({ what, onClose }: { what: keyof typeof MAY; onClose: () => void }) {
  const { t } = useTranslation();
  const may = useMay(MAY[what]);
  const [file, setFile] = useState<File | null>(null);
  const [seen, setSeen] = useState<Taken | null>(null);
  const send = (one: File, dry: boolean): Promise<Taken> => {
    const form = new FormData();
    form.append('file', one);
    return ask<Taken>(`import/${what}`, { method: 'POST', body: form, query: { dry_run: dry } });
  };
  const look = useCommand((one: File) => send(one, true), [], setSeen);
  const take = useCommand((one: File) => send(one, false), TOUCHES[what], (done) => { report(t('table.done', { added: done.added, changed: done.changed })); onClose(); });
  const chosen = (one: File | null): void => { setFile(one); setSeen(null); if (one) look.mutate(one); };
  return (
    <Modal opened onClose={onClose} title={t(`table.of.${what}`)} size="lg" closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Stack gap="sm">
        <Group gap="md"><Text size="sm">{t('table.out')}</Text>{['csv', 'xlsx'].map((form) => <Anchor key={form} href={address(`export/${what}`, { format: form })} download className="tap">{t(`table.form.${form}`)}</Anchor>)}</Group>
        {may && <Text size="sm" c="dimmed">{t(`table.how.${what}`)}</Text>}
        {may && <Group gap="xs"><FileButton accept=".csv,.xlsx" onChange={chosen} inputProps={{ 'aria-label': t('table.choose') }}>{(props) => <Button {...props} loading={look.isPending}>{t('table.choose')}</Button>}</FileButton><Text size="sm" c={file ? undefined : 'dimmed'} truncate>{file?.name ?? t('import.noFile')}</Text></Group>}
        {seen && <Seen of={seen} />}
        {may && <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button variant="filled" loading={take.isPending} disabled={!file || !seen || seen.wrong.length > 0 || seen.added + seen.changed === 0} onClick={() => file && take.mutate(file)} data-take-table>{t('table.take')}</Button></Group>}
      </Stack>
    </Modal>
  );
}

function Seen({ of: seen }: { of: Taken }) {
  const { t } = useTranslation();
  return (
    <>
      <Text size="sm" fw={600} data-dry-run>{t('table.would', { rows: seen.rows, added: seen.added, changed: seen.changed, known: seen.known })}</Text>
      {seen.what.length > 0 && <Text size="xs" component="pre" style={{ maxHeight: 160, overflow: 'auto', margin: 0 }} tabIndex={0} aria-label={t('table.diff')}>{seen.what.join('\n')}</Text>}
      {seen.wrong.length > 0 && (
        <>
          <Text size="sm" fw={600} c="var(--alarm-2)">{t('table.wrong', { count: seen.wrong.length })}</Text>
          <Scroll minWidth={420} mah={260}>
            <Table data-wrong>
              <Table.Thead><Table.Tr><Table.Th>{t('table.line')}</Table.Th><Table.Th>{t('table.column')}</Table.Th><Table.Th>{t('table.what')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{seen.wrong.slice(0, 200).map((one, at) => <Table.Tr key={at}><Table.Td>{one.line || '–'}</Table.Td><Table.Td>{one.column}</Table.Td><Table.Td className="wrap">{one.what}{one.hint && <Text size="xs" c="dimmed">{one.hint}</Text>}</Table.Td></Table.Tr>)}</Table.Tbody>
            </Table>
          </Scroll>
        </>
      )}
    </>
  );
}
