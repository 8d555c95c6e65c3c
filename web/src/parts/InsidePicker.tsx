/** Looks inside a machine while a source is written: branches open when asked, ticks become options, nothing is kept. */
import { ActionIcon, Alert, Box, Button, Checkbox, Group, Loader, NumberInput, Text, TextInput } from '@mantine/core';
import { IconChevronDown, IconChevronRight, IconListTree, IconPlayerStop, IconSearch, IconX } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/client';
import type { Options } from '../api/discovery';
import { isPicked, lookInside, newTicket, picking, stopLooking, type Inside, type Remark, type Wish } from '../api/inside';
import { explain } from '../app/notices';
import { Trouble } from './Trouble';

const LISTENS = ['mqtt', 'sparkplug'];
const MOST = 400;

interface Look { items: Map<string, Inside>; loaded: Set<string>; remarks: Remark[] }
const NOTHING: Look = { items: new Map(), loaded: new Set(), remarks: [] };

/** One look at a time; it ends with the page, or when the person says so. */
function useLook(name: string, type: string, options: Options) {
  const [look, setLook] = useState<Look>(NOTHING);
  const [busy, setBusy] = useState<string | null>(null);
  const [trouble, setTrouble] = useState<unknown>(null);
  const running = useRef<{ ticket: string; abort: AbortController } | null>(null);
  const stop = (): void => {
    if (!running.current) return;
    running.current.abort.abort();
    void stopLooking(running.current.ticket);
    running.current = null;
    setBusy(null);
  };
  useEffect(() => () => {
    if (!running.current) return;
    running.current.abort.abort();
    void stopLooking(running.current.ticket);
  }, []);
  const ask = async (wish: Wish): Promise<Inside[] | null> => {
    stop();
    const mine = { ticket: newTicket(), abort: new AbortController() };
    running.current = mine;
    setBusy(wish.find || wish.deep ? 'all' : (wish.below ?? ''));
    setTrouble(null);
    try {
      const seen = await lookInside({ name, type, options }, wish, mine.ticket, mine.abort.signal);
      const below = wish.below ?? '';
      setLook((before) => {
        if (wish.find || wish.deep) return { ...before, remarks: seen.remarks };
        const items = new Map(below ? before.items : []);
        for (const one of seen.items) items.set(one.id, one);
        return { items, loaded: new Set([...(below ? before.loaded : []), below]), remarks: seen.remarks };
      });
      return seen.items;
    } catch (error) {
      if (!mine.abort.signal.aborted) setTrouble(error);
      return null;
    } finally {
      if (running.current === mine) {
        running.current = null;
        setBusy(null);
      }
    }
  };
  return { look, busy, trouble, ask, stop };
}

export function InsidePicker({ name, type, options, change }: { name: string; type: string; options: Options; change: (options: Options) => void }) {
  const { t } = useTranslation();
  const { look, busy, trouble, ask, stop } = useLook(name, type, options);
  const [open, setOpen] = useState<Set<string>>(new Set());
  const [seconds, setSeconds] = useState(5);
  const [word, setWord] = useState('');
  const [found, setFound] = useState<Inside[] | null>(null);
  const begun = look.loaded.has('');
  const take = (items: Inside[], taken: boolean): void => change(items.reduce((now, one) => (one.pick ? picking(now, one.pick, taken) : now), options));
  const begin = (): void => {
    setFound(null);
    setOpen(new Set());
    void ask(LISTENS.includes(type) ? { seconds } : {});
  };
  const unfold = (one: Inside): void => {
    const now = new Set(open);
    if (!now.delete(one.id)) {
      now.add(one.id);
      if (one.more && !look.loaded.has(one.id)) void ask({ below: one.id });
    }
    setOpen(now);
  };
  const search = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const asked = word.trim().toLowerCase();
    if (!asked) return setFound(null);
    setFound(type === 'opcua' ? await ask({ find: asked }) : [...look.items.values()].filter((one) => one.pick && `${one.id} ${one.name}`.toLowerCase().includes(asked)));
  };
  const whole = async (one: Inside): Promise<void> => {
    const below = type === 'opcua' ? await ask({ below: one.id, deep: true }) : one.more && !look.loaded.has(one.id) ? await ask({ below: one.id }) : under(look.items, one.id);
    if (below) take(below.filter((each) => each.kind === 'value'), true);
  };
  const tree = { items: look.items, open, busy, options, type, unfold, take, whole };
  const count = [...look.items.values(), ...(found ?? [])].filter((one, at, all) => one.pick && isPicked(options, one.pick) && all.findIndex((each) => each.id === one.id) === at).length;
  return (
    <Box component="section" className="card pad" aria-label={t('inside.title')} data-inside>
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={600}>{t('inside.title')}</Text>
        {count > 0 && <Text size="sm" role="status" data-picked={count}>{t('inside.picked', { count })}</Text>}
      </Group>
      <Text size="xs" c="dimmed">{t(LISTENS.includes(type) ? 'inside.aboutListening' : 'inside.about')}</Text>
      <Group gap="xs" mt="xs" align="flex-end">
        {LISTENS.includes(type) && <NumberInput label={t('inside.seconds')} value={seconds} min={1} max={30} onChange={(value) => typeof value === 'number' && setSeconds(value)} w={110} />}
        <Button size="sm" leftSection={<IconListTree size={16} aria-hidden />} loading={busy === ''} onClick={begin} data-look-inside>{t(begun ? 'inside.again' : 'inside.begin')}</Button>
        {busy !== null && <Button size="sm" variant="subtle" leftSection={<IconPlayerStop size={16} aria-hidden />} onClick={stop}>{t('inside.stop')}</Button>}
      </Group>
      {begun && look.items.size > 0 && (
        <form onSubmit={(event) => void search(event)}>
          <Group gap="xs" mt="xs" wrap="nowrap">
            <TextInput aria-label={t('inside.find')} placeholder={t('inside.find')} value={word} onChange={(event) => setWord(event.currentTarget.value)} flex={1} rightSection={found && <ActionIcon variant="transparent" color="gray" aria-label={t('inside.tree')} onClick={() => { setFound(null); setWord(''); }}><IconX size={16} aria-hidden /></ActionIcon>} />
            <Button type="submit" size="sm" leftSection={<IconSearch size={16} aria-hidden />} loading={busy === 'all'}>{t('inside.search')}</Button>
          </Group>
        </form>
      )}
      {trouble !== null && <Wrong error={trouble} />}
      {look.remarks.map((one) => <Text key={one.code} size="xs" mt={6} className="wrap">{String(t(`inside.remark.${one.code.replace('inside.', '')}`, { ...one.params, defaultValue: one.text }))}</Text>)}
      {found
        ? <Found items={found} options={options} take={take} />
        : begun && (look.items.size === 0 ? <Text size="sm" c="dimmed" mt="xs">{t('inside.none')}</Text> : <Box mt="xs" className="inside"><Level below="" {...tree} /></Box>)}
    </Box>
  );
}

const under = (items: Map<string, Inside>, id: string): Inside[] => [...items.values()].filter((one) => one.parent === id).flatMap((one) => [one, ...under(items, one.id)]);

interface Tree { items: Map<string, Inside>; open: Set<string>; busy: string | null; options: Options; type: string; unfold: (one: Inside) => void; take: (items: Inside[], taken: boolean) => void; whole: (one: Inside) => Promise<void> }

function Level({ below, ...tree }: Tree & { below: string }) {
  const { t } = useTranslation();
  const here = [...tree.items.values()].filter((one) => one.parent === below);
  return (
    <ul className="plain">
      {here.slice(0, MOST).map((one) => <Branch key={one.id} one={one} {...tree} />)}
      {here.length > MOST && <li><Text size="xs" c="dimmed">{t('inside.remark.cut', { n: MOST })}</Text></li>}
      {below !== '' && here.length === 0 && tree.busy !== below && <li><Text size="xs" c="dimmed">{t('inside.empty')}</Text></li>}
    </ul>
  );
}

/** Whether "all below" can be taken: the values there are the machine's own, or a whole range of them. */
const range = (one: Inside, type: string): boolean => (type === 'modbus' ? one.id.split('/').length === 3 : type === 's7' ? one.id.includes('/') : type === 'opcua' || type === 'ethernet_ip');

function Branch({ one, ...tree }: Tree & { one: Inside }) {
  const { t } = useTranslation();
  const opened = tree.open.has(one.id);
  const opens = one.more || [...tree.items.values()].some((each) => each.parent === one.id);
  const Icon = opened ? IconChevronDown : IconChevronRight;
  return (
    <li data-node={one.name}>
      <Group gap={4} wrap="nowrap">
        {opens
          ? <ActionIcon variant="subtle" color="gray" size={28} aria-expanded={opened} aria-label={t(opened ? 'inside.close' : 'inside.open', { name: one.name })} onClick={() => tree.unfold(one)}>{tree.busy === one.id ? <Loader size={14} color="slate" aria-hidden /> : <Icon size={16} aria-hidden />}</ActionIcon>
          : <Box w={28} style={{ flex: 'none' }} />}
        <Line one={one} options={tree.options} take={tree.take} />
        {one.kind === 'branch' && opens && range(one, tree.type) && <Button size="compact-xs" variant="subtle" loading={tree.busy === 'all'} onClick={() => void tree.whole(one)} aria-label={t('inside.wholeOf', { name: one.name })} data-whole>{t('inside.whole')}</Button>}
      </Group>
      {opened && <Box pl={18}><Level below={one.id} {...tree} /></Box>}
    </li>
  );
}

function Line({ one, options, take }: { one: Inside; options: Options; take: (items: Inside[], taken: boolean) => void }) {
  const said = [one.type, one.value && `${one.value}${one.unit ? ` ${one.unit}` : ''}`].filter(Boolean).join(' · ');
  const text = <Text component="span" size="sm" className="wrap">{one.name}{said && <Text component="span" size="xs" c="dimmed" className="mono"> {said}</Text>}</Text>;
  const { pick } = one;
  if (!pick) return <Box style={{ flex: 1, minWidth: 0, paddingBlock: 3 }}>{text}</Box>;
  return <Checkbox size="sm" style={{ flex: 1, minWidth: 0, paddingBlock: 4 }} label={text} checked={isPicked(options, pick)} onChange={(event) => take([one], event.currentTarget.checked)} />;
}

function Found({ items, options, take }: { items: Inside[]; options: Options; take: (items: Inside[], taken: boolean) => void }) {
  const { t } = useTranslation();
  if (items.length === 0) return <Text size="sm" c="dimmed" mt="xs" role="status">{t('inside.notFound')}</Text>;
  return (
    <Box mt="xs" className="inside" data-found>
      <Group gap="xs"><Text size="xs" c="dimmed" role="status">{t('inside.found', { count: items.length })}</Text><Button size="compact-xs" variant="subtle" onClick={() => take(items, true)}>{t('inside.takeAll')}</Button></Group>
      <ul className="plain">{items.slice(0, MOST).map((one) => <li key={one.id}><Line one={one} options={options} take={take} /></li>)}</ul>
    </Box>
  );
}

function Wrong({ error }: { error: unknown }) {
  const { t } = useTranslation();
  const { title, detail, hint } = explain(error);
  if (error instanceof ApiProblem && error.problem.code === 'trust.waits')
    return <Alert color="gray" variant="outline" mt="xs" role="alert" title={title} data-trust><Text size="sm" className="wrap">{detail}</Text><Text size="sm">{hint}</Text><Button component={Link} to="/access" size="xs" mt="xs">{t('nav.access')}</Button></Alert>;
  return <Trouble title={title} detail={detail} hint={hint} />;
}
