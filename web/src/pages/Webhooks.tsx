import { Badge, Button, Group, SegmentedControl, Table, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask, post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { Delivery, Page, Webhook } from '../api/types';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { AsSent, type Message } from '../parts/AsSent';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Said } from '../parts/Said';
import { Scroll } from '../parts/Scroll';

const STATES = ['all', 'waiting', 'delivered', 'given up'] as const;

/** Who is told what happens here, and whether they have heard it. */
export default function Webhooks() {
  const { t } = useTranslation();
  const [state, setState] = useState<(typeof STATES)[number]>('all');
  return (
    <>
      <PageHead title={t('nav.webhooks')} sub={t('webhook.sub')} />
      <Panel title={t('webhook.receivers')} pad={false}>
        <Answer of={useQuery(q.webhooks)} empty={(list) => list.items.length === 0} none={t('webhook.none')}>{(list) => <Receivers items={list.items} />}</Answer>
      </Panel>
      <Panel title={t('webhook.messages')} pad={false} mt="sm" extra={<SegmentedControl aria-label={t('webhook.which')} size="xs" value={state} onChange={(value) => setState(value as typeof state)} data={STATES.map((value) => ({ value, label: t(`deliveryState.${value}`) }))} />}>
        <Answer of={useQuery(q.deliveries(state === 'all' ? undefined : state))} empty={(list) => list.items.length === 0} none={t('webhook.noMessages')}>{(list) => <Messages items={list.items} />}</Answer>
      </Panel>
    </>
  );
}

const PATIENCE_MS = 15_000;

/** Send a test for real and wait until the receiver has answered, or until it is clear that it does not. */
async function tested(name: string): Promise<Delivery> {
  const made = await post<Delivery>(`webhooks/${encodeURIComponent(name)}/test`, {});
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    await new Promise((wake) => setTimeout(wake, 500));
    const now = (await ask<Page<Delivery>>('webhooks/deliveries', { query: { hook: name, limit: 50 } })).items.find((one) => one.id === made.id);
    if (now && (now.state !== 'waiting' || now.error)) return now;
  }
  return made;
}

function Receivers({ items }: { items: Webhook[] }) {
  const { t } = useTranslation();
  const may = useMay('webhooks.test');
  const [shown, setShown] = useState<Message | null>(null);
  const [answer, setAnswer] = useState<Delivery | null>(null);
  const look = useCommand((name: string) => post<Message>(`webhooks/${encodeURIComponent(name)}/check`), [], setShown);
  const test = useCommand(tested, ['webhooks'], setAnswer);
  return (
    <>
    <Scroll minWidth={640}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('field.name')}</Table.Th><Table.Th>{t('webhook.address')}</Table.Th><Table.Th>{t('webhook.events')}</Table.Th><Table.Th>{t('word.asset')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((one) => (
            <Table.Tr key={one.name}>
              <Table.Td>{one.name}</Table.Td>
              <Table.Td className="wrap">{one.url}</Table.Td>
              <Table.Td>{one.events.map((kind) => t(`webhookKind.${kind}`)).join(', ')}</Table.Td>
              <Table.Td>{one.asset || t('webhook.wholePlant')}</Table.Td>
              <Table.Td className="figure">{may && <Group gap={6} wrap="nowrap" justify="flex-end"><Button size="compact-sm" loading={look.isPending && look.variables === one.name} onClick={() => look.mutate(one.name)} data-look={one.name}>{t('rehearse.look')}</Button><Button size="compact-sm" loading={test.isPending && test.variables === one.name} onClick={() => test.mutate(one.name)} data-test={one.name}>{t('webhook.test')}</Button></Group>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
    {answer && <Told of={answer} />}
    {shown && <AsSent of={shown} onClose={() => setShown(null)} />}
    </>
  );
}

/** What became of a test. */
function Told({ of: one }: { of: Delivery }) {
  const { t } = useTranslation();
  return (
    <Text size="sm" component="div" px={12} py={8} className="wrap" role="status" data-answer={one.state}>
      {one.error && <IconAlertTriangle size={14} aria-hidden />} {one.hook}: {one.state === 'delivered' ? t('webhook.answered', { status: one.status }) : one.error ? <>{t('webhook.refused')} <Said text={one.error} /></> : t('webhook.tested')}
    </Text>
  );
}

function Messages({ items }: { items: Delivery[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('webhooks.replay');
  const [shown, setShown] = useState<Message | null>(null);
  const look = useCommand((one: Delivery) => post<Message>(`webhooks/deliveries/${one.id}/check`), [], setShown);
  const replay = useCommand((one: Delivery) => post(`webhooks/deliveries/${one.id}/replay`, {}), ['webhooks'], () => report(t('webhook.replayed')));
  return (
    <Scroll minWidth={780}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('tower.at')}</Table.Th><Table.Th>{t('webhook.receiver')}</Table.Th><Table.Th>{t('webhook.what')}</Table.Th><Table.Th>{t('word.state')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((one) => (
            <Table.Tr key={one.id} data-delivery={one.state}>
              <Table.Td className="nowrap">{f.when(one.created)}</Table.Td>
              <Table.Td>{one.hook}</Table.Td>
              <Table.Td><Text size="sm">{one.type.replace('org.lineshaft.', '')}</Text><Text size="xs" c="dimmed" className="wrap">{one.subject}</Text></Table.Td>
              <Table.Td maw={340}>
                <Badge color="slate" variant="outline">{t(`deliveryState.${one.state}`)}{one.status ? ` · ${one.status}` : ''}</Badge>
                {one.error && <Text size="xs" component="div" className="wrap" c="var(--alarm-2)" fw={600}><IconAlertTriangle size={14} aria-hidden /> {t('erp.failed', { count: one.attempts })}: <Said text={one.error} /></Text>}
                {one.error && one.next_at && <Text size="xs" c="dimmed">{t('erp.next')} {f.when(one.next_at)}</Text>}
              </Table.Td>
              <Table.Td className="figure">{may && <Group gap={6} wrap="nowrap" justify="flex-end"><Button size="compact-sm" loading={look.isPending && look.variables.id === one.id} onClick={() => look.mutate(one)}>{t('webhook.look')}</Button><Button size="compact-sm" loading={replay.isPending && replay.variables.id === one.id} onClick={() => replay.mutate(one)}>{t('webhook.replay')}</Button></Group>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {shown && <AsSent of={shown} onClose={() => setShown(null)} />}
    </Scroll>
  );
}
