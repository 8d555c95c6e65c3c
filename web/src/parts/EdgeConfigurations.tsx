import { Badge, Button, Group, Modal, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { bound, configurations, edgePath, edges, type Configured, type EdgeConfiguration } from '../api/edges';
import { useCommand } from '../api/queries';
import { report } from '../app/notices';
import { useFormat } from '../format/useFormat';
import { Answer } from './Page';

/** Write a new configuration of an edge node, approve one that waits, or go back to one it had. */
export function EdgeConfigurations({ name, onClose }: { name: string; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened onClose={onClose} title={t('edge.configOf', { name })} size="xl" closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Answer of={useQuery(configurations(name))}>{(list) => <Body name={name} items={list.items} />}</Answer>
    </Modal>
  );
}

function Body({ name, items }: { name: string; items: EdgeConfiguration[] }) {
  const { t } = useTranslation();
  const wanted = useQuery(edges).data?.items.find((one) => one.name === name)?.wanted ?? 0;
  const [text, setText] = useState(() => items.find((one) => one.number === wanted)?.text ?? items[0]?.text ?? '');
  const [note, setNote] = useState('');
  const done = (made: Configured): void => report(made.waits ? t('edge.nowWaits', { n: made.number }) : t('edge.nowWanted', { n: made.number }));
  const give = useCommand(() => post<Configured>(`${edgePath(name)}/configs`, { text, note }), ['edges'], done);
  const bindings = useCommand(async () => (await bound(name)).items, [], (found) => setText((before) => before + found.map((one) => `\n[[uns.bind]]\nsource = ${JSON.stringify(one.source)}\ntag = ${JSON.stringify(one.tag)}\npath = ${JSON.stringify(one.path)}\nunit = ${JSON.stringify(one.unit)}\n`).join('')));
  return (
    <Stack gap="sm">
      <form onSubmit={(event) => { event.preventDefault(); give.mutate(undefined); }}>
        <Stack gap="xs">
          <Textarea label={t('edge.text')} description={t('edge.textHint')} autosize minRows={8} maxRows={22} value={text} onChange={(event) => setText(event.currentTarget.value)} classNames={{ input: 'mono' }} spellCheck={false} />
          <TextInput label={t('edge.note')} value={note} onChange={(event) => setNote(event.currentTarget.value)} />
          <Group justify="flex-end" gap="xs">
            <Button loading={bindings.isPending} onClick={() => bindings.mutate(undefined)}>{t('edge.addBindings')}</Button>
            <Button type="submit" variant="filled" loading={give.isPending}>{t('edge.give')}</Button>
          </Group>
        </Stack>
      </form>
      <History name={name} items={items} wanted={wanted} onShow={setText} done={done} />
    </Stack>
  );
}

function History({ name, items, wanted, onShow, done }: { name: string; items: EdgeConfiguration[]; wanted: number; onShow: (text: string) => void; done: (made: Configured) => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const want = useCommand((number: number) => post<Configured>(`${edgePath(name)}/configs/${number}/want`, {}), ['edges'], done);
  const approve = useCommand((number: number) => post<Configured>(`${edgePath(name)}/configs/${number}/approve`, {}), ['edges'], done);
  return (
    <Stack gap={6} data-edge-history>
      <Text fw={600}>{t('edge.history')}</Text>
      {items.map((one) => (
        <Group key={one.number} gap="xs" justify="space-between" wrap="wrap" data-configuration={one.number}>
          <Stack gap={0} style={{ flex: '1 1 200px' }}>
            <Group gap={6}><Text size="sm" fw={600}>{t('edge.numbered', { n: one.number })}</Text>{one.number === wanted && <Badge color="slate" variant="outline">{t('edge.isWanted')}</Badge>}{one.waits && <Badge color="slate" variant="outline">{t('edge.waitsForApproval')}</Badge>}</Group>
            <Text size="xs" c="dimmed">{f.when(one.at)} · {one.by ?? '–'}{one.approved_by && ` · ${t('edge.approvedBy', { name: one.approved_by })}`}</Text>
            {one.note && <Text size="xs" className="wrap">{one.note}</Text>}
          </Stack>
          <Group gap="xs">
            <Button size="compact-sm" onClick={() => onShow(one.text)}>{t('edge.show')}</Button>
            {one.waits && !one.mine && <Button size="compact-sm" loading={approve.isPending && approve.variables === one.number} onClick={() => approve.mutate(one.number)}>{t('edge.approve')}</Button>}
            {!one.waits && one.number !== wanted && <Button size="compact-sm" loading={want.isPending && want.variables === one.number} onClick={() => want.mutate(one.number)}>{t('edge.goBack')}</Button>}
          </Group>
        </Group>
      ))}
      {wanted !== 0 && <Group justify="space-between"><Text size="sm">{t('edge.ownSettings')}</Text><Button size="compact-sm" loading={want.isPending && want.variables === 0} onClick={() => want.mutate(0)}>{t('edge.goBack')}</Button></Group>}
      {items.length === 0 && <Text size="sm" c="dimmed">{t('edge.noHistory')}</Text>}
    </Stack>
  );
}
