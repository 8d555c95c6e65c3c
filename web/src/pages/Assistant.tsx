import { Alert, Badge, Button, Checkbox, Group, Select, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { IconBook2, IconClipboardPlus, IconMessageQuestion, IconRobot, IconShieldLock } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { a, type Advice, type Line, type Passage } from '../api/agents';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { WorkOrder } from '../api/types';
import { useMay } from '../app/session';
import { unitText } from '../format/format';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from '../parts/Page';
import { useTitle } from '../parts/titles';

/** Help at the machine: what manuals, past orders and the machine itself say about a trouble, each with its source. */
export default function Assistant() {
  const { t } = useTranslation();
  const search = useSearch({ from: '/plant/assistant' });
  const navigate = useNavigate();
  const [asset, setAsset] = useState<string | null>(search.asset ?? null);
  const [question, setQuestion] = useState(search.question ?? '');
  const assets = useQuery(q.assets);
  const asked = { asset: search.asset ?? '', question: search.question ?? '' };
  const advice = useQuery(a.advice(asked.asset, asked.question));
  const ready = Boolean(asset || question.trim());
  return (
    <>
      <PageHead title={t('nav.assistant')} sub={t('assist.sub')} />
      <Panel>
        <form onSubmit={(event) => { event.preventDefault(); void navigate({ to: '/assistant', search: { ...(asset ? { asset } : {}), ...(question.trim() ? { question: question.trim() } : {}) } }); }}>
          <Group gap="xs" align="flex-end">
            <Select label={t('word.asset')} searchable clearable value={asset} onChange={setAsset} data={(assets.data?.items ?? []).map((one) => one.path)} style={{ flex: '1 1 260px' }} data-assist-asset />
            <TextInput label={t('assist.question')} placeholder={t('assist.example')} value={question} maxLength={500} onChange={(event) => setQuestion(event.currentTarget.value)} style={{ flex: '2 1 280px' }} data-assist-question />
            <Button type="submit" variant="filled" disabled={!ready} leftSection={<IconMessageQuestion size={18} aria-hidden />} loading={advice.isFetching} data-assist-ask>{t('assist.ask')}</Button>
          </Group>
        </form>
      </Panel>
      {(asked.asset || asked.question) && <Answer of={advice}>{(found) => <Found key={`${found.asset}|${found.question}`} of={found} />}</Answer>}
    </>
  );
}

function Found({ of: found }: { of: Advice }) {
  const { t } = useTranslation();
  const may = useMay('work-orders.create');
  const navigate = useNavigate();
  const [done, setDone] = useState<ReadonlySet<string>>(new Set());
  const draft = useCommand(() => post<WorkOrder>('work-orders', {
    asset: found.asset, title: (found.question || found.alarms.find((one) => one.active)?.name || t('assist.orderTitle')).slice(0, 200),
    checklist: found.checklist.map((one) => ({ text: one.text.slice(0, 300) })),
    note: found.passages.length ? `${t('assist.sources')}: ${found.passages.map((one) => `[${one.number}] ${where(one)}`).join('; ')}`.slice(0, 1900) : '',
  }), ['work-orders'], (order) => void navigate({ to: '/orders/$id', params: { id: order.id } }));
  return (
    <>
      {!found.ready && <Alert mt="sm" variant="outline" color="slate">{t('assist.reading')}</Alert>}
      {found.guide && <Guide of={found} />}
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm" mt="sm">
        <Panel title={t('assist.checklist')} extra={may && found.asset && <Button size="compact-sm" leftSection={<IconClipboardPlus size={16} aria-hidden />} loading={draft.isPending} onClick={() => draft.mutate(undefined)} data-assist-order>{t('assist.order')}</Button>}>
          {found.checklist.length === 0 && <Text size="sm" c="dimmed">{t('assist.noChecklist')}</Text>}
          <Stack gap={8}>
            {found.checklist.map((one) => <Check key={one.text} of={one} on={done.has(one.text)} flip={() => setDone((before) => { const next = new Set(before); if (!next.delete(one.text)) next.add(one.text); return next; })} />)}
          </Stack>
        </Panel>
        <Panel title={t('assist.now')}>{found.asset ? <Now of={found} /> : <Text size="sm" c="dimmed">{t('assist.noAsset')}</Text>}</Panel>
      </SimpleGrid>
      <Panel title={t('assist.passages')} mt="sm">
        {found.passages.length === 0 && <Text size="sm" c="dimmed">{t('assist.noPassages')}</Text>}
        <ol className="passages">{found.passages.map((one) => <Quoted key={one.number} of={one} />)}</ol>
      </Panel>
    </>
  );
}

function Check({ of: one, on, flip }: { of: Line; on: boolean; flip: () => void }) {
  const { t } = useTranslation();
  return (
    <Checkbox checked={on} onChange={flip} label={<>
      {one.safety && <Badge size="sm" variant="outline" color="slate" mr={6} leftSection={<IconShieldLock size={13} aria-hidden />}>{t('assist.safety')}</Badge>}
      {one.text} <Text span size="xs" c="dimmed">{one.cites ? <a href={`#passage-${one.cites}`}>[{one.cites}] {one.source}</a> : one.source}</Text>
    </>} />
  );
}

const where = (one: Passage): string => [one.name, one.place].filter((part, at, all) => part && all.indexOf(part) === at).join(', ');

function Quoted({ of: one }: { of: Passage }) {
  const { t } = useTranslation();
  const page = /^page (\d+)$/.exec(one.place)?.[1];
  const place = page ? t('assist.page', { page }) : one.kind === 'order' ? '' : one.place;
  const title = <><IconBook2 size={15} aria-hidden /> [{one.number}] {one.name}{place && `, ${place}`}</>;
  return (
    <li id={`passage-${one.number}`} data-passage={one.kind}>
      <Text size="sm" fw={600} component="div">
        {one.kind === 'document' ? <a href={`/api/v1/documents/${one.id}/content${page ? `#page=${page}` : ''}`} target="_blank" rel="noreferrer">{title}</a>
          : one.kind === 'order' ? <Link to="/orders/$id" params={{ id: one.id }}>{title}</Link>
            : <Link to="/instructions" search={{ name: one.id }}>{title}</Link>}
        {one.here && <Badge ml={6} size="sm" variant="outline" color="slate">{t('assist.here')}</Badge>}
      </Text>
      <Text size="sm" className="quoted wrap">{one.text}</Text>
    </li>
  );
}

function Now({ of: found }: { of: Advice }) {
  const { t } = useTranslation();
  const title = useTitle();
  const f = useFormat();
  const standing = found.alarms.filter((one) => one.active);
  return (
    <Stack gap="xs">
      <div>
        <Text size="sm" fw={600}>{t('assist.alarms')}</Text>
        {standing.length === 0 ? <Text size="sm" c="dimmed">{t('assist.noAlarms')}</Text> : standing.map((one) => <Text key={one.name} size="sm"><Badge variant="outline" color="var(--alarm-1)" mr={6}>{t('assist.stands')}</Badge>{one.name}{typeof one.value === 'number' && ` (${f.number(one.value)} ${one.unit ?? ''})`}</Text>)}
      </div>
      <div>
        <Text size="sm" fw={600}>{t('assist.values')}</Text>
        {found.values.length === 0 ? <Text size="sm" c="dimmed">–</Text> : <dl className="facts">{found.values.map((one) => <Pair key={one.property} label={one.property.split('/').pop() ?? ''} value={`${typeof one.value === 'number' ? f.number(one.value) : f.value(one.value ?? null)} ${unitText(one.unit)}${one.quality ? ` (${t(one.quality === 1 ? 'quality.uncertain' : 'quality.bad')})` : ''}`} />)}</dl>}
      </div>
      {found.orders.length > 0 && (
        <div>
          <Text size="sm" fw={600}>{t('assist.before')}</Text>
          {found.orders.map((one) => <Text key={one.id} size="sm"><Link to="/orders/$id" params={{ id: one.id }}>{one.number}</Link> {title(one.title)}{one.closing?.remedy ? ` – ${[one.closing.mode && t(`code.mode.${one.closing.mode}`, { defaultValue: one.closing.mode }), one.closing.cause && t(`code.cause.${one.closing.cause}`, { defaultValue: one.closing.cause }), t(`code.remedy.${one.closing.remedy}`, { defaultValue: one.closing.remedy })].filter(Boolean).join(' / ')}` : ''}</Text>)}
        </div>
      )}
    </Stack>
  );
}
const Pair = ({ label, value }: { label: string; value: string }) => (<><dt>{label}</dt><dd>{value}</dd></>);

/** An agent words the answer from the same passages; what it cites is checked. */
function Guide({ of: found }: { of: Advice }) {
  const { t } = useTranslation();
  const may = useMay('agents.ask');
  const [id, setId] = useState<string | null>(null);
  const asked = useCommand(() => post<{ id: string }>('assistant/ask', { question: found.question || t('assist.orderTitle'), asset: found.asset }), [], (run) => setId(run.id));
  const answer = useQuery(a.answer(id));
  const said = answer.data;
  const busy = asked.isPending || (id !== null && (!said || ['queued', 'running'].includes(said.state)));
  if (!may) return null;
  return (
    <Panel mt="sm" title={t('assist.worded')} extra={<Button size="compact-sm" leftSection={<IconRobot size={16} aria-hidden />} loading={busy} onClick={() => asked.mutate(undefined)} data-assist-guide>{t('assist.word', { name: found.guide })}</Button>}>
      {!said || busy ? <Text size="sm" c="dimmed">{t('assist.wordAbout')}</Text> : said.state !== 'done' ? <Text size="sm">{t('assist.fell')}: {said.why}</Text> : (
        <>
          <Text size="sm" className="quoted">{said.answer}</Text>
          {said.steps.length > 0 && <ol>{said.steps.map((one) => <li key={one}><Text size="sm">{one}</Text></li>)}</ol>}
          <Text size="xs" c="dimmed">{said.cites.length ? `${t('assist.rests')}: ${said.passages.filter((one) => said.cites.includes(one.number)).map((one) => `[${one.number}] ${where(one)}`).join('; ')}` : t('assist.noSource')}</Text>
        </>
      )}
    </Panel>
  );
}
