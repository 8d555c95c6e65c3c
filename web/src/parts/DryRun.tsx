import { Box, Button, Table, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { useCommand } from '../api/queries';
import { useMay } from '../app/session';
import { Said } from './Said';
import { Scroll } from './Scroll';

type Fields = Record<string, unknown>;
interface Seen { title: string; there: string; rows: [string, string, string][]; steps: string[]; comments: string[]; why: string; hint: string }
interface Sent { number: string; system: string; there: string; would: Fields; why: string; hint: string }
interface SentOrder extends Sent { now: Fields; steps: string[]; comments: string[] }
interface Write { property: string; now: unknown; value: unknown; unit: string; allowed: boolean; why: string; hint: string }

const words = (value: unknown): string => (value === null || value === undefined ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value));
const ofSent = (one: Sent): Seen => ({ title: `${one.number} → ${one.system || '–'}`, there: one.there, rows: Object.entries(one.would).map(([name, value]) => [name, '–', words(value)]), steps: [], comments: [], why: one.why, hint: one.hint });
/** What is there stays: nothing is written a second time. */
const ofOrder = (one: SentOrder): Seen => ({ ...ofSent(one), rows: one.there ? Object.entries(one.now).map(([name, value]) => [name, words(value), words(value)]) : ofSent(one).rows, steps: one.steps, comments: one.comments });
const ofWrite = (one: Write): Seen => ({ title: one.property, there: '', rows: [[one.property.split('/').slice(-1)[0] ?? '', `${words(one.now)} ${one.unit}`, `${words(one.value)} ${one.unit}`]], steps: [], comments: [], why: one.allowed ? '' : one.why, hint: one.hint });

const isOrder = (proposal: Fields): boolean => typeof proposal.asset === 'string' && typeof proposal.title === 'string';
const dueOf = (due: unknown): string | undefined => (typeof due === 'number' ? new Date(due / 1e6).toISOString() : undefined);
const draftOf = ({ asset, title, kind, priority, failure_mode: mode, due }: Fields): Fields => ({ asset, title: String(title).slice(0, 200), kind: kind ?? 'corrective', priority: priority ?? null, failure_mode: mode ?? '', due: dueOf(due) });

/** What approving would write outside: in the ERP's or the other maintenance system's own fields, or at the machine. */
export function DryRun({ proposal }: { proposal: Fields }) {
  const write = 'property' in proposal;
  const order = !write && isOrder(proposal);
  const lines = Array.isArray(proposal.lines) ? (proposal.lines as { purchase_id?: string }[]) : [proposal as { purchase_id?: string }];
  const ids = lines.map((line) => line.purchase_id).filter((id) => typeof id === 'string');
  const may = useMay(write ? 'writes.check' : order ? 'work-orders.check' : 'purchases.check');
  const look = async (): Promise<Seen[]> => {
    if (write) return [ofWrite(await post<Write>('writes/check', { property: proposal.property, value: proposal.value }))];
    if (order) return [ofOrder(await post<SentOrder>('work-orders/check', draftOf(proposal)))];
    return (await Promise.all(ids.map((id) => post<Sent>(`purchases/${id}/check`)))).map(ofSent);
  };
  if (!may || (!write && !order && ids.length === 0)) return null;
  return <Look look={look} />;
}

/** What sending an order to the other maintenance system would write there, and asking it take over here. */
export function OrderDryRun({ id }: { id: string }) {
  return useMay('work-orders.check') ? <Look look={async () => [ofOrder(await post<SentOrder>(`work-orders/${id}/partner/check`))]} /> : null;
}

/** A button that looks, and what was seen. Nothing is written by looking. */
function Look({ look: ask }: { look: () => Promise<Seen[]> }) {
  const { t } = useTranslation();
  const [seen, setSeen] = useState<Seen[]>([]);
  const look = useCommand(ask, [], setSeen);
  return (
    <Box mt="sm">
      <Button size="compact-sm" loading={look.isPending} onClick={() => look.mutate(undefined)} data-rehearse>{t('rehearse.look')}</Button>
      {seen.map((one) => <Found key={one.title} of={one} />)}
    </Box>
  );
}

function Found({ of: one }: { of: Seen }) {
  const { t } = useTranslation();
  return (
    <Box mt={6} data-rehearsed>
      <Text size="sm" fw={600} className="wrap">{one.title}</Text>
      {one.why && <Text size="sm" component="div" className="wrap" fw={600}><IconAlertTriangle size={14} aria-hidden /> <Said text={one.why} />{one.hint && <> – <Said text={one.hint} /></>}</Text>}
      {one.there && <Text size="sm" className="wrap">{t('rehearse.there', { what: one.there })}</Text>}
      {one.rows.length > 0 && (
        <Scroll minWidth={420} mah={260}>
          <Table maw={720}>
            <Table.Thead><Table.Tr><Table.Th>{t('rehearse.field')}</Table.Th><Table.Th>{t('rehearse.now')}</Table.Th><Table.Th>{t('rehearse.then')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{one.rows.map(([name, before, after]) => <Table.Tr key={name}><Table.Td>{name}</Table.Td><Table.Td className="wrap"><span className={before === after ? undefined : 'diff-old'}>{before}</span></Table.Td><Table.Td className="wrap"><span className={before === after ? undefined : 'diff-new'}>{after}</span></Table.Td></Table.Tr>)}</Table.Tbody>
          </Table>
        </Scroll>
      )}
      {one.steps.length > 0 && <Text size="sm" mt={4}>{t('rehearse.steps')}: {one.steps.map((step) => t(`step.${step}`, { defaultValue: step })).join(', ')}</Text>}
      {one.comments.map((text) => <Text key={text} size="sm" className="wrap">{t('rehearse.comment')}: {text}</Text>)}
    </Box>
  );
}
