import { Alert, Badge, Button, Group, NumberInput, Select, Stack, Switch, Table, Text, TextInput } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { MachineWrite, WriteCheck, WriteTarget } from '../api/types';
import { complain, report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

/** Values for machines: what may be written and within what, what was proposed, and what became of it. */
export default function Writes() {
  const { t } = useTranslation();
  const may = useMay('writes.propose');
  const targets = useQuery(q.writeTargets);
  return (
    <>
      <PageHead title={t('nav.writes')} sub={t('write.sub')} />
      <Panel title={t('write.propose')}>
        <Answer of={targets} empty={(list) => list.items.length === 0} none={t('write.nothing')}>
          {(list) => (may ? <Propose targets={list.items} /> : <Text size="sm" c="dimmed">{t('write.notMay')}</Text>)}
        </Answer>
      </Panel>
      <Panel pad={false} mt="sm" title={t('write.list')}>
        <Answer of={useQuery(q.writes)} empty={(list) => list.items.length === 0} none={t('write.none')}>
          {(list) => <Scroll minWidth={760}><Rows of={list.items} /></Scroll>}
        </Answer>
      </Panel>
    </>
  );
}

function Propose({ targets }: { targets: WriteTarget[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [path, setPath] = useState<string | null>(null);
  const [value, setValue] = useState<string | number | boolean>('');
  const [reason, setReason] = useState('');
  const [seen, setSeen] = useState<WriteCheck | null>(null);
  const target = targets.find((one) => one.property === path) ?? targets[0]!;
  const change = (next: string | number | boolean) => { setValue(next); setSeen(null); };
  const body = { property: target.property, value: target.type === 'boolean' ? value === true : value, reason };
  const ready = target.type === 'boolean' || value !== '';
  const check = useMutation({ mutationFn: () => post<WriteCheck>('writes/check', body), onSuccess: setSeen, onError: complain });
  const send = useCommand(() => post('writes', body), ['writes', 'approvals', 'tower'], () => { change(''); setReason(''); report(t('write.sent')); });
  const limits = target.values.length ? target.values.join(', ') : target.minimum !== null || target.maximum !== null ? `${f.number(target.minimum)} … ${f.number(target.maximum)} ${target.unit}` : '';
  return (
    <form onSubmit={(event) => { event.preventDefault(); send.mutate(undefined); }}>
      <Stack gap="xs">
        <Group gap="xs" align="flex-end">
          <Select label={t('write.property')} searchable allowDeselect={false} value={target.property} onChange={(next) => { setPath(next); change(''); }} data={targets.map((one) => one.property)} style={{ flex: '2 1 280px' }} data-write-property />
          {target.type === 'boolean' ? <Switch label={t('write.value')} checked={value === true} onChange={(event) => change(event.currentTarget.checked)} pb={8} />
            : target.values.length ? <Select label={t('write.value')} value={value === '' ? null : String(value)} onChange={(next) => change(target.values.find((one) => String(one) === next) ?? '')} data={target.values.map(String)} style={{ flex: '1 1 120px' }} />
              : target.type === 'string' ? <TextInput label={t('write.value')} value={String(value)} onChange={(event) => change(event.currentTarget.value)} style={{ flex: '1 1 120px' }} />
                : <NumberInput label={t('write.value')} suffix={target.unit ? ` ${target.unit}` : ''} value={typeof value === 'boolean' ? '' : value} onChange={change} style={{ flex: '1 1 120px' }} data-write-value />}
          <TextInput label={t('word.reason')} value={reason} onChange={(event) => setReason(event.currentTarget.value)} style={{ flex: '2 1 200px' }} />
        </Group>
        <Text size="sm" c="dimmed">{t('write.now')}: {show(target.now, f)} {target.unit}{limits && ` · ${t('write.limits')}: ${limits}`}{` · ${t('write.every', { every: target.every })}`}{target.permissive && ` · ${t('write.permissive')}: ${target.permissive}`}</Text>
        {target.locked && <Alert variant="outline" color="slate" icon={<IconLock size={18} aria-hidden />} title={t('write.locked')}>{target.locked}</Alert>}
        {target.dry_run && <Text size="sm">{t('write.dryRun')}</Text>}
        {seen && <Alert variant="outline" color={seen.allowed ? 'slate' : 'red'} title={t(seen.allowed ? 'write.allowed' : 'write.refused')} data-write-check>{seen.allowed ? <><span className="diff-old">{show(seen.now, f)}</span> → <span className="diff-new">{show(seen.value, f)}</span> {seen.unit}</> : `${seen.why}${seen.hint ? ` – ${seen.hint}` : ''}`}</Alert>}
        <Group gap="xs">
          <Button type="submit" variant="filled" disabled={!ready} loading={send.isPending} data-write-send>{t('write.send')}</Button>
          <Button disabled={!ready} loading={check.isPending} onClick={() => check.mutate()} data-write-try>{t('write.check')}</Button>
          <Text size="xs" c="dimmed">{t('write.second')}</Text>
        </Group>
      </Stack>
    </form>
  );
}

function Rows({ of }: { of: MachineWrite[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Table>
      <Table.Thead><Table.Tr>{['property', 'value', 'before', 'readback', 'state', 'by', 'created'].map((name) => <Table.Th key={name}>{t(`write.${name}`)}</Table.Th>)}</Table.Tr></Table.Thead>
      <Table.Tbody>
        {of.map((one) => (
          <Table.Tr key={one.id} data-write={one.id}>
            <Table.Td className="wrap">{one.property}{one.reason && <Text size="xs" c="dimmed">{one.reason}</Text>}</Table.Td>
            <Table.Td>{show(one.value, f)} {one.unit}</Table.Td>
            <Table.Td>{show(one.before, f)}</Table.Td>
            <Table.Td>{show(one.readback, f)}</Table.Td>
            <Table.Td className="wrap">
              {one.state === 'open' ? <Link to="/approvals" className="tap">{t('approvalState.open')}</Link>
                : <Badge color={one.outcome === 'failed' || one.outcome === 'unsure' ? 'red' : 'slate'} variant="outline">{t(one.outcome ? `writeOutcome.${one.outcome}` : `approvalState.${one.state}`)}</Badge>}
              {one.why && <Text size="xs">{one.why}</Text>}
            </Table.Td>
            <Table.Td className="wrap">{one.proposed_by}{one.decided_by ? ` / ${one.decided_by}` : ''}</Table.Td>
            <Table.Td>{f.when(one.created)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

const show = (value: unknown, f: ReturnType<typeof useFormat>): string => (typeof value === 'number' ? f.number(value) : value === null || value === undefined ? '–' : String(value));
