import { Box, Button, Table, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { useCommand } from '../api/queries';
import { useMay } from '../app/session';
import { Scroll } from './Scroll';

interface Seen { title: string; there: string; rows: [string, string, string][]; why: string; hint: string }
interface Order { number: string; system: string; there: string; would: Record<string, unknown>; why: string; hint: string }
interface Write { property: string; now: unknown; value: unknown; unit: string; allowed: boolean; why: string; hint: string }

const words = (value: unknown): string => (value === null || value === undefined ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value));
const ofOrder = (one: Order): Seen => ({ title: `${one.number} → ${one.system}`, there: one.there, rows: Object.entries(one.would).map(([name, value]) => [name, '–', words(value)]), why: one.why, hint: one.hint });
const ofWrite = (one: Write): Seen => ({ title: one.property, there: '', rows: [[one.property.split('/').slice(-1)[0] ?? '', `${words(one.now)} ${one.unit}`, `${words(one.value)} ${one.unit}`]], why: one.allowed ? '' : one.why, hint: one.hint });

/** What approving would write outside: in the ERP's own fields, or at the machine. Nothing is written by looking. */
export function DryRun({ proposal }: { proposal: Record<string, unknown> }) {
  const { t } = useTranslation();
  const write = 'property' in proposal;
  const may = useMay(write ? 'writes.check' : 'purchases.check');
  const [seen, setSeen] = useState<Seen[]>([]);
  const lines = Array.isArray(proposal.lines) ? (proposal.lines as { purchase_id?: string }[]) : [proposal as { purchase_id?: string }];
  const ids = lines.map((line) => line.purchase_id).filter((id) => typeof id === 'string');
  const look = useCommand(async () => (write ? [ofWrite(await post<Write>('writes/check', { property: proposal.property, value: proposal.value }))] : (await Promise.all(ids.map((id) => post<Order>(`purchases/${id}/check`)))).map(ofOrder)), [], setSeen);
  if (!may || (!write && ids.length === 0)) return null;
  return (
    <Box mt="sm">
      <Button size="compact-sm" loading={look.isPending} onClick={() => look.mutate(undefined)} data-rehearse>{t('rehearse.look')}</Button>
      {seen.map((one) => (
        <Box key={one.title} mt={6} data-rehearsed>
          <Text size="sm" fw={600} className="wrap">{one.title}</Text>
          {one.why && <Text size="sm" component="div" className="wrap" fw={600}><IconAlertTriangle size={14} aria-hidden /> {one.why}{one.hint && ` – ${one.hint}`}</Text>}
          {one.there && <Text size="sm" className="wrap">{t('rehearse.there', { what: one.there })}</Text>}
          {one.rows.length > 0 && (
            <Scroll minWidth={420} mah={260}>
              <Table maw={720}>
                <Table.Thead><Table.Tr><Table.Th>{t('rehearse.field')}</Table.Th><Table.Th>{t('rehearse.now')}</Table.Th><Table.Th>{t('rehearse.then')}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>{one.rows.map(([name, before, after]) => <Table.Tr key={name}><Table.Td>{name}</Table.Td><Table.Td><span className="diff-old">{before}</span></Table.Td><Table.Td className="wrap"><span className="diff-new">{after}</span></Table.Td></Table.Tr>)}</Table.Tbody>
              </Table>
            </Scroll>
          )}
        </Box>
      ))}
    </Box>
  );
}
