import { Alert, Badge, Box, Button, Group, NativeSelect, NumberInput, SegmentedControl, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { Approval } from '../api/types';
import { report } from '../app/notices';
import { useMay, useMe } from '../app/session';
import { useFormat } from '../format/useFormat';
import { useWho } from '../parts/Actor';
import { AskReason } from '../parts/Confirm';
import { DryRun } from '../parts/DryRun';
import { Answer, PageHead } from '../parts/Page';
import { Said } from '../parts/Said';

/** What waits for somebody's yes: the proposal as it is, as you would change it, and why you may not when you may not. */
export default function Approvals() {
  const { t } = useTranslation();
  const [which, setWhich] = useState<'open' | 'all'>('open');
  return (
    <>
      <PageHead title={t('nav.approvals')} sub={t('approval.sub')}>
        <SegmentedControl size="sm" aria-label={t('approval.which')} value={which} onChange={(value) => setWhich(value as 'open' | 'all')} data={[{ value: 'open', label: t('approval.open') }, { value: 'all', label: t('approval.all') }]} />
      </PageHead>
      <Answer of={useQuery(q.approvals(which === 'open' ? 'open' : undefined))} empty={(list) => list.items.length === 0} none={t('approval.none')}>
        {(list) => <Stack gap="sm">{list.items.map((one) => <Card key={one.id} approval={one} />)}</Stack>}
      </Answer>
    </>
  );
}

/** The gate lets quantities and the like be changed, never what the thing is or what it costs. */
const FIXED = ['cost', 'unit_cost', 'unit', 'number', 'part', 'name', 'property', 'asset', 'proposed_by', 'verdict', 'why'];
const editable = (name: string, value: unknown): value is string | number => (typeof value === 'string' || typeof value === 'number') && !name.endsWith('id') && !FIXED.includes(name);
/** A moment in nanoseconds as a field for date and time takes it, in the reader's own time. */
const local = (ns: number): string => new Date(ns / 1e6 - new Date(ns / 1e6).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
const ORDER_KINDS = ['corrective', 'preventive', 'predictive', 'inspection'] as const;
const MONEY = ['cost', 'unit_cost'];
const words = (value: unknown): string => (value === null || value === undefined ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value));

/** What differs from the proposal: only that is sent. */
export function changed(proposal: Record<string, unknown>, draft: Record<string, string | number>): Record<string, string | number> {
  return Object.fromEntries(Object.entries(draft).filter(([name, value]) => value !== '' && String(value) !== String(proposal[name])));
}

const ABOUT = { purchase: 'part', write: 'property', order: 'title' } as const;

function Card({ approval }: { approval: Approval }) {
  const { t } = useTranslation();
  const f = useFormat();
  const me = useMe();
  const who = useWho();
  const may = useMay('approvals.decide');
  const mine = [me.id, me.name, me.display].filter(Boolean).some((name) => name === approval.proposed_by || name === approval.proposed_by_id);

  const open = approval.state === 'open';
  const [editing, setEditing] = useState(false);
  const [draft, setDraft] = useState<Record<string, string | number>>({});
  const [rejecting, setRejecting] = useState(false);
  // What the server calls it is its own words; a purchase or a write we can say in the reader's.
  const kind = 'part' in approval.proposal ? 'purchase' : 'property' in approval.proposal ? 'write' : 'title' in approval.proposal && 'asset' in approval.proposal ? 'order' : null;
  const title = kind ? `${t(`approvalWhat.${kind}`)}: ${words(approval.proposal[ABOUT[kind]])}` : approval.what;
  const changedByMe = [me.id, me.name].some((name) => approval.edited_by?.includes(name));
  const own = mine || changedByMe;
  const edit = changed(approval.proposal, draft);
  const decide = useCommand((body: object) => post(`approvals/${approval.id}/decide`, { version: approval.version, ...body }), ['approvals', 'cases', 'purchases', 'tower'], () => { setRejecting(false); setEditing(false); report(t('approval.noted')); });
  const differs = Object.keys(edit).length > 0;
  return (
    <Box component="article" className="card pad" data-approval={approval.id}>
      <Group justify="space-between" align="flex-start" gap="xs">
        <Box style={{ minWidth: 0 }}>
          <Title order={2} fz={16} className="wrap">{title}</Title>
          <Text size="sm" c="dimmed" component="div">{t('approval.by')} {who(approval.proposed_by)} · {f.when(approval.created)}{approval.expires && open ? ` · ${t('approval.expires')} ${f.when(approval.expires)}` : ''}{approval.case_id && <> · <Link to="/cases/$id" params={{ id: approval.case_id }} className="tap">{t('order.openCase')}</Link></>}</Text>
        </Box>
        <Badge color="slate" variant="outline">{t(`approvalState.${approval.state}`)}</Badge>
      </Group>
      <Table mt="xs" maw={620} aria-label={t('approval.proposal')}>
        <Table.Tbody>
          {Object.entries(approval.proposal ?? {}).filter(([name]) => !name.endsWith('_id')).map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th scope="row" w="40%">{t(`field.${name}`, { defaultValue: name })}</Table.Th>
              <Table.Td className="wrap">
                {editing && name === 'due' && typeof value === 'number' ? <TextInput type="datetime-local" aria-label={t('field.due')} value={local(Number(draft[name] ?? value))} onChange={(event) => { const at = Date.parse(event.currentTarget.value); if (Number.isFinite(at)) setDraft({ ...draft, [name]: at * 1e6 }); }} />
                  : editing && name === 'kind' && kind === 'order' ? <NativeSelect aria-label={t('field.kind')} value={String(draft[name] ?? value)} onChange={(event) => setDraft({ ...draft, [name]: event.currentTarget.value })} data={ORDER_KINDS.map((one) => ({ value: one, label: t(`orderKind.${one}`) }))} />
                  : editing && editable(name, value) ? (typeof value === 'number'
                  ? <NumberInput aria-label={t(`field.${name}`, { defaultValue: name })} value={draft[name] ?? value} onChange={(next) => setDraft((now) => ({ ...now, [name]: next }))} />
                  : <TextInput aria-label={t(`field.${name}`, { defaultValue: name })} value={draft[name] ?? value} onChange={(event) => setDraft({ ...draft, [name]: event.currentTarget.value })} />)
                  : name === 'lines' ? lines(value).map((line) => <Text key={line.part} size="sm">{f.number(line.quantity)} × {line.part} {line.name} · {f.money(line.cost)}</Text>)
                  : name === 'due' && typeof value === 'number' ? f.when(new Date(value / 1e6).toISOString())
                  : name === 'kind' && kind === 'order' ? t(`orderKind.${words(value)}`, { defaultValue: words(value) })
                  : typeof value === 'number' ? (MONEY.includes(name) ? f.money(value) : f.number(value)) : words(value)}
                {editing && name in edit && <Text size="xs" component="div"><span className="diff-old">{name === 'due' ? f.when(new Date(Number(value) / 1e6).toISOString()) : words(value)}</span> → <span className="diff-new">{name === 'due' ? f.when(new Date(Number(edit[name]) / 1e6).toISOString()) : words(edit[name])}</span></Text>}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {approval.decided && <Text size="sm" mt="xs">{t(`approvalState.${approval.state}`)}: {who(approval.decided_by)}, {f.when(approval.decided)}{approval.reason && <> · <Said text={approval.reason} /></>}</Text>}
      {open && own && <Alert mt="sm" variant="outline" color="slate" icon={<IconLock size={18} aria-hidden />} title={t(mine ? 'approval.ownTitle' : 'approval.changedTitle')} data-own>{t('approval.ownWhy')}</Alert>}
      {open && !own && !may && <Text size="sm" c="dimmed" mt="sm">{t('approval.notMay')}</Text>}
      {open && !own && may && (
        <Group gap="xs" mt="sm">
          {differs
            ? <Button variant="filled" loading={decide.isPending} onClick={() => decide.mutate({ decision: 'edit', edit })}>{t('approval.saveEdit')}</Button>
            : <Button variant="filled" loading={decide.isPending} onClick={() => decide.mutate({ decision: 'approve' })} data-decide="approve">{t('approval.approve')}</Button>}
          <Button onClick={() => setRejecting(true)}>{t('approval.reject')}</Button>
          <Button onClick={() => { setEditing(!editing); setDraft({}); }}>{t(editing ? 'action.cancel' : 'approval.edit')}</Button>
        </Group>
      )}
      {editing && <Text size="xs" c="dimmed" mt={6}>{t('approval.editWhy')}</Text>}
      {open && !editing && <DryRun proposal={approval.proposal} />}
      {rejecting && <AskReason title={t('approval.reject')} label={t('word.reason')} need confirm={t('approval.reject')} busy={decide.isPending} onClose={() => setRejecting(false)} onDone={(reason) => decide.mutate({ decision: 'reject', reason })} />}
    </Box>
  );
}

/** The parts of a purchase of several. */
function lines(value: unknown): { part: string; name: string; quantity: number; cost: number }[] {
  return Array.isArray(value) ? value : [];
}
