import { Badge, Button, Checkbox, Group, Modal, MultiSelect, NumberInput, SegmentedControl, Select, Stack, Switch, Table, Text, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask, post } from '../api/client';
import { n, NOTICE_KINDS, type Channel, type Choice, type Message, type NoticeRoute, type Quiet } from '../api/notifications';
import { useCommand } from '../api/queries';
import { report } from '../app/notices';
import { ROLES } from '../app/permissions';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

const STATES = ['all', 'waiting', 'sending', 'delivered', 'dead'] as const;
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** Who is told of what, how I want to be told, and what became of every message. */
export default function Notifications() {
  const { t } = useTranslation();
  const [state, setState] = useState<(typeof STATES)[number]>('all');
  const [editing, setEditing] = useState<NoticeRoute | 'new' | null>(null);
  const may = useMay('notifications.edit');
  const channels = useQuery(n.channels);
  const known = channels.data?.items ?? [];
  return (
    <>
      <PageHead title={t('nav.notifications')} sub={t('notify.sub')} />
      <Panel title={t('notify.mine')}>
        <Answer of={channels} empty={(list) => list.items.length === 0} none={t('notify.noChannel')}>
          {(list) => <MyChoice channels={list.items} />}
        </Answer>
      </Panel>
      <Panel title={t('notify.routes')} pad={false} mt="sm" extra={may && <Button size="compact-md" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setEditing('new')} data-add-route>{t('notify.addRoute')}</Button>}>
        <Answer of={useQuery(n.routes)} empty={(list) => list.items.length === 0} none={t('notify.noRoute')}>{(list) => <Routes items={list.items} onEdit={may ? setEditing : undefined} />}</Answer>
      </Panel>
      <Panel title={t('notify.messages')} pad={false} mt="sm" extra={<SegmentedControl aria-label={t('notify.which')} size="xs" value={state} onChange={(value) => setState(value as typeof state)} data={STATES.map((value) => ({ value, label: t(`messageState.${value}`) }))} />}>
        <Answer of={useQuery(n.deliveries(state === 'all' ? undefined : state))} empty={(list) => list.items.length === 0} none={t('notify.noMessages')}>{(list) => <Messages items={list.items} />}</Answer>
      </Panel>
      {editing && <RouteForm route={editing === 'new' ? null : editing} channels={known} onClose={() => setEditing(null)} />}
    </>
  );
}

function MyChoice({ channels }: { channels: Channel[] }) {
  return <Answer of={useQuery(n.choice)}>{(choice) => <Mine key={choice.version} channels={channels} choice={choice} />}</Answer>;
}

function Mine({ channels, choice }: { channels: Channel[]; choice: Choice }) {
  const { t } = useTranslation();
  const [mine, setMine] = useState<Record<string, string>>(choice.channels);
  const [quiet, setQuiet] = useState<Quiet | null>(quietOf(choice.quiet));
  const [language, setLanguage] = useState(choice.language);
  const mayTest = useMay('notifications.test');
  const save = useCommand(() => ask('notifications/choice', { method: 'PATCH', body: { channels: mine, quiet, language } }), ['notifications'], () => report(t('notify.saved')));
  const test = useCommand((channel: string) => post('notifications/test', { channel }), ['notifications'], () => report(t('notify.tested')));
  const put = (name: string, value: string | null): void => setMine(value === null ? Object.fromEntries(Object.entries(mine).filter(([other]) => other !== name)) : { ...mine, [name]: value });
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">{t('notify.mineWhy')}</Text>
        {channels.map(({ name, personal }) => (
          <Group key={name} gap="sm" align="center" data-channel={name}>
            <Checkbox label={name} w={150} checked={name in mine} onChange={(event) => put(name, event.currentTarget.checked ? '' : null)} />
            {personal && name in mine && <TextInput aria-label={t('notify.address', { channel: name })} placeholder={t('notify.addressHint')} required value={mine[name] ?? ''} onChange={(event) => put(name, event.currentTarget.value)} maw={320} style={{ flex: 1, minWidth: 180 }} autoComplete="off" />}
            {mayTest && name in choice.channels && <Button size="compact-sm" loading={test.isPending && test.variables === name} onClick={() => test.mutate(name)}>{t('notify.test')}</Button>}
          </Group>
        ))}
        <QuietFields quiet={quiet} onChange={setQuiet} />
        <Select label={t('notify.language')} maw={240} allowDeselect={false} value={language} onChange={(value) => setLanguage(value ?? '')} data={[{ value: '', label: t('notify.anyLanguage') }, { value: 'en', label: t('language.en') }, { value: 'de', label: t('language.de') }]} />
        <Group><Button type="submit" variant="filled" loading={save.isPending} data-save-choice>{t('notify.save')}</Button></Group>
      </Stack>
    </form>
  );
}

const quietOf = (quiet: Partial<Quiet>): Quiet | null => (quiet.start && quiet.end ? { start: quiet.start, end: quiet.end, timezone: quiet.timezone ?? 'UTC', days: quiet.days ?? [] } : null);

function QuietFields({ quiet, onChange }: { quiet: Quiet | null; onChange: (quiet: Quiet | null) => void }) {
  const { t } = useTranslation();
  return (
    <Group gap="sm" align="flex-end">
      <Switch label={t('notify.quiet')} checked={quiet !== null} onChange={(event) => onChange(event.currentTarget.checked ? { start: '22:00', end: '06:00', timezone: HERE, days: [] } : null)} mb={8} />
      {quiet && <TextInput type="time" label={t('notify.from')} value={quiet.start} onChange={(event) => onChange({ ...quiet, start: event.currentTarget.value })} w={120} required />}
      {quiet && <TextInput type="time" label={t('notify.to')} value={quiet.end} onChange={(event) => onChange({ ...quiet, end: event.currentTarget.value })} w={120} required />}
      {quiet && <TextInput label={t('notify.zone')} value={quiet.timezone} onChange={(event) => onChange({ ...quiet, timezone: event.currentTarget.value })} w={170} required />}
    </Group>
  );
}

function useWho(): (who: string) => string {
  const { t } = useTranslation();
  return (who) => {
    const [kind, name = ''] = who.split(':', 2);
    if (kind === 'role') return t('notify.roleOf', { role: t(`role.${name}`) });
    return kind === 'concerned' ? t('notify.concerned') : kind === 'channel' ? t('notify.channelOf', { channel: name }) : name;
  };
}

function Routes({ items, onEdit }: { items: NoticeRoute[]; onEdit: ((route: NoticeRoute) => void) | undefined }) {
  const { t } = useTranslation();
  const who = useWho();
  return (
    <Scroll minWidth={760}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('field.name')}</Table.Th><Table.Th>{t('notify.who')}</Table.Th><Table.Th>{t('notify.kinds')}</Table.Th><Table.Th>{t('word.asset')}</Table.Th><Table.Th>{t('notify.when')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((one) => (
            <Table.Tr key={one.id} data-route={one.name}>
              <Table.Td className="wrap"><Text size="sm">{one.name || '–'}</Text>{!one.active && <Badge color="slate" variant="outline">{t('notify.off')}</Badge>}</Table.Td>
              <Table.Td><Text size="sm">{who(one.who)}</Text><Text size="xs" c="dimmed">{one.channels.join(', ') || t('notify.ownChannels')}</Text></Table.Td>
              <Table.Td>{one.kinds.length === NOTICE_KINDS.length ? t('notify.everything') : one.kinds.map((kind) => t(`noticeKind.${kind}`)).join(', ')}<Text size="xs" c="dimmed">{one.priority < 5 ? t('notify.upTo', { priority: one.priority }) : ''}</Text></Table.Td>
              <Table.Td className="wrap">{one.asset || t('webhook.wholePlant')}</Table.Td>
              <Table.Td>
                {one.quiet.start && <Text size="xs">{t('notify.quietOf', { start: one.quiet.start, end: one.quiet.end, through: one.through })}</Text>}
                {one.steps.map((step, at) => <Text size="xs" key={at}>{t('notify.stepOf', { minutes: Math.round(step.after_s / 60), who: who(step.who) })}</Text>)}
              </Table.Td>
              <Table.Td className="figure">{onEdit && <Button size="compact-sm" onClick={() => onEdit(one)}>{t('notify.change')}</Button>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}

function RouteForm({ route, channels, onClose }: { route: NoticeRoute | null; channels: Channel[]; onClose: () => void }) {
  const { t } = useTranslation();
  const who = useWho();
  const [name, setName] = useState(route?.name ?? '');
  const [to, setTo] = useState(route?.who ?? 'concerned');
  const [kinds, setKinds] = useState<string[]>(route?.kinds ?? [...NOTICE_KINDS]);
  const [asset, setAsset] = useState(route?.asset ?? '');
  const [priority, setPriority] = useState(route?.priority ?? 5);
  const [over, setOver] = useState<string[]>(route?.channels ?? []);
  const [quiet, setQuiet] = useState<Quiet | null>(quietOf(route?.quiet ?? {}));
  const [through, setThrough] = useState(route?.through ?? 1);
  const [minutes, setMinutes] = useState<number | ''>(route?.steps[0] ? route.steps[0].after_s / 60 : '');
  const [next, setNext] = useState(route?.steps[0]?.who ?? 'role:planner');
  const [active, setActive] = useState(route?.active ?? true);
  const targets = ['concerned', ...ROLES.map((role) => `role:${role}`), ...channels.map((one) => `channel:${one.name}`)];
  const people = (value: string) => [...new Set([...targets, value])].map((one) => ({ value: one, label: who(one) }));
  const rest = route?.steps.slice(1).map((step) => ({ after: `${step.after_s}s`, who: step.who })) ?? [];
  const steps = minutes === '' ? [] : [{ after: `${Math.round(minutes * 60)}s`, who: next }, ...rest];
  const body = { name, who: to, kinds, asset, priority, channels: over, quiet, through, gather: `${route?.gather_s ?? 10}s`, steps, active };
  const save = useCommand(() => (route ? ask(`notifications/routes/${route.id}`, { method: 'PATCH', body: { ...body, version: route.version } }) : post('notifications/routes', body)), ['notifications'], onClose);
  const drop = useCommand(() => ask(`notifications/routes/${route?.id}`, { method: 'DELETE' }), ['notifications'], onClose);
  return (
    <Modal opened onClose={onClose} title={t(route ? 'notify.changeRoute' : 'notify.addRoute')} size="lg" closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
        <Stack gap="sm">
          <TextInput label={t('field.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus autoComplete="off" maxLength={100} required />
          <Select label={t('notify.who')} allowDeselect={false} value={to} onChange={(value) => value && setTo(value)} data={people(to)} />
          <MultiSelect label={t('notify.kinds')} value={kinds} onChange={setKinds} data={NOTICE_KINDS.map((value) => ({ value, label: t(`noticeKind.${value}`) }))} />
          <Group gap="sm" align="flex-end" grow preventGrowOverflow={false}>
            <TextInput label={t('word.asset')} placeholder={t('webhook.wholePlant')} value={asset} onChange={(event) => setAsset(event.currentTarget.value)} autoComplete="off" />
            <NumberInput label={t('notify.priority')} min={1} max={5} allowDecimal={false} value={priority} onChange={(value) => setPriority(Number(value) || 5)} />
          </Group>
          <MultiSelect label={t('notify.over')} placeholder={over.length ? '' : t('notify.ownChannels')} value={over} onChange={setOver} data={channels.map((one) => one.name)} />
          <QuietFields quiet={quiet} onChange={setQuiet} />
          {quiet && <NumberInput label={t('notify.through')} min={0} max={5} allowDecimal={false} value={through} onChange={(value) => setThrough(Number(value) || 0)} maw={320} />}
          <Group gap="sm" align="flex-end" grow preventGrowOverflow={false}>
            <NumberInput label={t('notify.after')} min={1} max={10080} value={minutes} onChange={(value) => setMinutes(value === '' ? '' : Number(value))} />
            <Select label={t('notify.then')} allowDeselect={false} value={next} onChange={(value) => value && setNext(value)} data={people(next)} disabled={minutes === ''} />
          </Group>
          <Switch label={t('notify.active')} checked={active} onChange={(event) => setActive(event.currentTarget.checked)} />
          <Group justify="space-between" gap="xs">
            {route ? <Button onClick={() => drop.mutate(undefined)} loading={drop.isPending} data-drop-route>{t('notify.drop')}</Button> : <span />}
            <Group gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={save.isPending} data-save-route>{t('notify.save')}</Button></Group>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Messages({ items }: { items: Message[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('notifications.again');
  const again = useCommand((one: Message) => post(`notifications/deliveries/${one.id}/again`, {}), ['notifications'], () => report(t('webhook.replayed')));
  return (
    <Scroll minWidth={760}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('tower.at')}</Table.Th><Table.Th>{t('notify.to_')}</Table.Th><Table.Th>{t('webhook.what')}</Table.Th><Table.Th>{t('word.state')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((one) => (
            <Table.Tr key={one.id} data-message={one.state}>
              <Table.Td className="nowrap">{f.when(one.created)}</Table.Td>
              <Table.Td><Text size="sm">{one.person ?? t('notify.everybody')}</Text><Text size="xs" c="dimmed">{one.channel}</Text></Table.Td>
              <Table.Td className="wrap"><Text size="sm">{one.title}</Text><Text size="xs" c="dimmed">{[one.lines > 1 ? t('notify.lines', { count: one.lines }) : '', one.step > 0 ? t('notify.late') : ''].filter(Boolean).join(' · ')}</Text></Table.Td>
              <Table.Td maw={340}>
                <Badge color="slate" variant="outline">{t(`messageState.${one.state}`)}</Badge>
                {one.state === 'waiting' && one.held && <Text size="xs" c="dimmed">{t('notify.held')} {one.next_at ? f.when(one.next_at) : ''}</Text>}
                {one.error && one.state !== 'delivered' && <Text size="xs" component="div" className="wrap" c="var(--alarm-2)" fw={600}><IconAlertTriangle size={14} aria-hidden /> {t('erp.failed', { count: one.attempts })}: {one.error}</Text>}
                {one.error && one.next_at && <Text size="xs" c="dimmed">{t('erp.next')} {f.when(one.next_at)}</Text>}
              </Table.Td>
              <Table.Td className="figure">{may && (one.state === 'dead' || one.state === 'delivered') && <Button size="compact-sm" loading={again.isPending && again.variables.id === one.id} onClick={() => again.mutate(one)}>{t('webhook.replay')}</Button>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}
