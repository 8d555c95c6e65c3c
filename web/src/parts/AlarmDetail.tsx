/** Why an alarm matters and what to do, the operator's buttons, its life so far, and the record of why it exists. */
import { Button, Group, Modal, NumberInput, SegmentedControl, Select, Stack, Table, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { al, IMPACTS, priorityOf, type AlarmCard, type Impact } from '../api/alarms';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import { useMay } from '../app/session';
import { unitText } from '../format/format';
import { useFormat } from '../format/useFormat';
import { AskReason } from './Confirm';
import { useFindingWords } from './FindingEvidence';
import { Answer, Facts } from './Page';
import { Prio } from './Prio';
import { Scroll } from './Scroll';
import { Signal } from './Signal';

export const unseen = (alarm: { state: string }): boolean => alarm.state.includes('unack');
const HIDDEN = ['shelved', 'suppressed', 'out-of-service'];

/** The value beside its limit, or the condition in words where it is none. */
export function Watched({ alarm }: { alarm: AlarmCard }) {
  const { t } = useTranslation();
  const f = useFormat();
  if (alarm.origin === 'finding') return <>{t('finding.score')} {f.number(alarm.value)}</>;
  if (alarm.condition) return <span className="wrap">{alarm.condition}</span>;
  return <>{f.number(alarm.value)} {alarm.operator} {f.number(alarm.limit)} {unitText(alarm.unit)}</>;
}

/** An alarm's name; what findings raise is named by the node in English and here in the reader's language. */
export function useAlarmName(): (alarm: AlarmCard) => string {
  const { t } = useTranslation();
  return (alarm) => {
    const [, kind, mode] = (alarm.origin === 'finding' && /^Finding: (.*?)(?: \((.*)\))?$/.exec(alarm.name)) || [];
    if (!kind) return alarm.name;
    const [word, fault] = [t(`findingKind.${kind}`, { defaultValue: kind }), mode ? t(`code.mode.${mode}`, { defaultValue: mode }) : ''];
    return `${t('finding.one')}: ${word}${fault && fault !== word ? ` (${fault})` : ''}`;
  };
}

export function AlarmDetail({ alarm, onAcknowledge }: { alarm: AlarmCard; onAcknowledge: () => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const machine = useQuery(q.assets).data?.items.find((asset) => asset.path === alarm.asset);
  const open = useQuery(q.cases).data?.items.find((one) => one.state === 'open' && one.asset === alarm.asset && one.title.startsWith(alarm.name));
  const caseId = alarm.case_id ?? open?.id ?? null;
  const hidden = HIDDEN.includes(alarm.state);
  return (
    <>
      <Group gap={8} mb="sm"><Prio p={alarm.priority} asks={unseen(alarm)} silent /><Text size="sm" fw={600}>{t(`priority.${Math.min(5, Math.max(1, alarm.priority))}`)} · {t(`alarmState.${alarm.state}`)}</Text></Group>
      <Facts of={[
        [t('word.asset'), machine ? <Link key="m" to="/machines/$id" params={{ id: machine.id }}>{alarm.asset}</Link> : alarm.asset],
        [t('alarm.value'), <Watched key="v" alarm={alarm} />],
        [t('alarm.raised'), f.when(alarm.raised)],
        [t('alarm.cleared'), f.when(alarm.cleared)],
        [t('alarm.seenBy'), alarm.acknowledged_by ? `${alarm.acknowledged_by}, ${f.when(alarm.acknowledged)}` : '–'],
        ...(hidden ? [[t('alarm.hidden'), `${alarm.hidden_until ? `${f.when(alarm.hidden_until)} · ` : ''}${alarm.hidden_reason ?? ''}`] as const] : []),
        [t('alarm.cause'), alarm.cause || '–'],
        [t('alarm.consequence'), `${alarm.consequence || '–'}${alarm.impact ? ` (${t(`impact.${alarm.impact}`)})` : ''}`],
        [t('alarm.action'), <strong key="a">{alarm.action || '–'}</strong>],
        ...(alarm.respond_within_s ? [[t('alarm.within'), f.span(alarm.respond_within_s)] as const] : []),
        [t('word.case'), caseId ? <Link key="c" to="/cases/$id" params={{ id: caseId }}>{t('word.open')}</Link> : '–'],
      ]} />
      <Buttons alarm={alarm} onAcknowledge={onAcknowledge} />
      {alarm.origin === 'finding' ? <Behind alarm={alarm} /> : alarm.raised && alarm.property && <Signal paths={[alarm.property]} start={alarm.raised} end={alarm.cleared} limit={alarm.condition ? null : alarm.limit} below={alarm.operator.startsWith('<')} />}
      <Life alarm={alarm} />
    </>
  );
}

/** The findings an alert stands for, each with the way to its evidence. */
function Behind({ alarm }: { alarm: AlarmCard }) {
  const { t } = useTranslation();
  const f = useFormat();
  const words = useFindingWords();
  const items = (useQuery(q.findings).data?.items ?? []).filter((one) => one.asset === alarm.asset && alarm.name.startsWith(`Finding: ${one.kind}`) && (one.failure_mode ?? '') === (alarm.failure_mode ?? ''));
  if (!items.length) return null;
  return (
    <Stack gap={2} mt="md">
      <Text size="sm" fw={600}>{t('finding.behind')}</Text>
      <ul className="plain">{items.slice(0, 5).map((one) => <li key={one.id}><Link className="tap" to="/alarms" search={(before) => ({ ...before, tab: 'alerts', finding: one.id })}>{f.when(one.raised)} · {words.kind(one)} {f.number(one.score)}</Link></li>)}</ul>
    </Stack>
  );
}

function Buttons({ alarm, onAcknowledge }: { alarm: AlarmCard; onAcknowledge: () => void }) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState<'shelve' | 'out' | null>(null);
  const mayAcknowledge = useMay('alarms.acknowledge');
  const mayShelve = useMay('alarms.shelve');
  const mayTakeOut = useMay('alarm-service.take-out');
  const step = useCommand((verb: string) => post(`alarms/${alarm.id}/${verb}`, { version: alarm.version }), ['alarms']);
  const out = useCommand((reason: string) => post(`alarms/${alarm.id}/out-of-service`, { reason, version: alarm.version }), ['alarms'], () => setAsking(null));
  const hidden = HIDDEN.includes(alarm.state);
  return (
    <Group gap="xs" mt="md">
      {unseen(alarm) && mayAcknowledge && <Button variant="filled" onClick={onAcknowledge}>{t('alarm.acknowledge')}</Button>}
      {alarm.state === 'latched-acked' && mayAcknowledge && <Button variant="filled" loading={step.isPending} onClick={() => step.mutate('reset')}>{t('alarm.reset')}</Button>}
      {mayShelve && alarm.state === 'shelved' && <Button loading={step.isPending} onClick={() => step.mutate('unshelve')}>{t('alarm.unshelve')}</Button>}
      {mayTakeOut && alarm.state === 'out-of-service' && <Button loading={step.isPending} onClick={() => step.mutate('return-to-service')}>{t('alarm.putBack')}</Button>}
      {mayShelve && !hidden && <Button onClick={() => setAsking('shelve')}>{t('alarm.shelve')}</Button>}
      {mayTakeOut && alarm.state !== 'out-of-service' && <Button onClick={() => setAsking('out')}>{t('alarm.takeOut')}</Button>}
      {asking === 'shelve' && <Shelve alarm={alarm} onClose={() => setAsking(null)} />}
      {asking === 'out' && <AskReason title={t('alarm.takeOut')} about={t('alarm.takeOutWhy')} label={t('word.reason')} need confirm={t('alarm.takeOut')} busy={out.isPending} onDone={(reason) => out.mutate(reason)} onClose={() => setAsking(null)} />}
    </Group>
  );
}

const SHELVES = [0.5, 1, 4, 8, 24, 168] as const;

function Shelve({ alarm, onClose }: { alarm: AlarmCard; onClose: () => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [hours, setHours] = useState('1');
  const [reason, setReason] = useState('');
  const shelve = useCommand(() => post(`alarms/${alarm.id}/shelve`, { until: new Date(Date.now() + Number(hours) * 3_600_000 - 5_000).toISOString(), reason: reason.trim(), version: alarm.version }), ['alarms'], onClose);
  return (
    <Modal opened onClose={onClose} title={t('alarm.shelveTitle')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); shelve.mutate(undefined); }}>
        <Stack gap="sm">
          <Text size="sm">{t('alarm.shelveWhy')}</Text>
          <Select label={t('alarm.shelveFor')} allowDeselect={false} value={hours} onChange={(value) => value && setHours(value)} data={SHELVES.map((one) => ({ value: String(one), label: f.span(one * 3600) }))} />
          <Textarea label={t('word.reason')} required value={reason} onChange={(event) => setReason(event.currentTarget.value)} autosize minRows={2} data-autofocus />
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={shelve.isPending} disabled={!reason.trim()}>{t('alarm.shelve')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** What it has been through, and why it exists: asked for, so that the list stays light. */
function Life({ alarm }: { alarm: AlarmCard }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState<'none' | 'history' | 'record'>('none');
  const [deciding, setDeciding] = useState(false);
  const mayDecide = useMay('rationalisation.add');
  return (
    <Stack gap="xs" mt="md">
      <SegmentedControl size="xs" aria-label={t('alarm.more')} value={shown} onChange={(value) => setShown(value as 'none' | 'history' | 'record')}
        data={[{ value: 'none', label: t('alarm.less') }, { value: 'history', label: t('alarm.history') }, { value: 'record', label: t('alarm.record') }]} />
      {shown === 'history' && <History alarm={alarm} />}
      {shown === 'record' && <Records alarm={alarm} />}
      {shown === 'record' && mayDecide && <Button onClick={() => setDeciding(true)}>{t('alarm.rationalise')}</Button>}
      {deciding && <Decide alarm={alarm} onClose={() => setDeciding(false)} />}
    </Stack>
  );
}

function History({ alarm }: { alarm: AlarmCard }) {
  const { t } = useTranslation();
  const f = useFormat();
  const steps = useQuery(al.history(alarm.id));
  return (
    <Answer of={steps} empty={(list) => list.items.length === 0}>
      {(list) => (
        <Scroll minWidth={280}>
          <Table data-history>
            <Table.Tbody>{list.items.slice(0, 40).map((one, at) => (
              <Table.Tr key={at}><Table.Td className="nowrap">{f.when(one.at)}</Table.Td><Table.Td>{t(`alarmStep.${one.what}`, { defaultValue: one.what })}{one.by ? ` · ${one.by}` : ''}{one.note ? ` · ${one.note}` : ''}</Table.Td></Table.Tr>
            ))}</Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Answer>
  );
}

function Records({ alarm }: { alarm: AlarmCard }) {
  const { t } = useTranslation();
  const f = useFormat();
  const records = useQuery(al.records(alarm.id));
  return (
    <Answer of={records} empty={(list) => list.items.length === 0} none={t('alarm.noRecord')}>
      {(list) => <>{list.items.map((one) => (
        <div key={one.number} data-record={one.number}>
          <Text size="sm" fw={600}>{t('alarm.recordOf', { number: one.number, by: one.by ?? '–', when: f.when(one.at) })}</Text>
          {one.outdated && <Text size="sm" c="var(--alarm-3)" fw={600}>△ {t('alarm.outdated')}</Text>}
          <Text size="sm">{t(`alarmKind.${one.kind}`)} · {t(`priority.${one.priority}`)} · {t(`impact.${one.impact}`)} · {f.span(one.respond_within_s)}</Text>
          <Text size="sm" c="dimmed">{one.cause} → {one.consequence} → {one.action}{one.note ? ` · ${one.note}` : ''}</Text>
        </div>
      ))}</>}
    </Answer>
  );
}

/** A new record: the priority follows from consequence and time, and is shown while one writes. */
function Decide({ alarm, onClose }: { alarm: AlarmCard; onClose: () => void }) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<string>(alarm.kind);
  const [impact, setImpact] = useState<Impact>((alarm.impact || 'moderate') as Impact);
  const [minutes, setMinutes] = useState<number>(Math.max(1, Math.round((alarm.respond_within_s ?? 600) / 60)));
  const [words, setWords] = useState({ cause: alarm.cause ?? '', consequence: alarm.consequence ?? '', action: alarm.action ?? '', note: '' });
  const decide = useCommand(() => post(`alarms/${alarm.id}/rationalisation`, { kind, impact, respond_within: `${minutes}m`, ...words, version: alarm.version }), ['alarms'], onClose);
  const priority = priorityOf(impact, minutes);
  const ready = [words.cause, words.consequence, words.action].every((one) => one.trim()) && minutes > 0;
  const field = (name: keyof typeof words, need: boolean) => <Textarea key={name} label={t(name === 'note' ? 'word.note' : `alarm.${name}`)} required={need} value={words[name]} onChange={(event) => setWords({ ...words, [name]: event.currentTarget.value })} autosize minRows={1} />;
  return (
    <Modal opened onClose={onClose} title={t('alarm.rationalise')} size="lg" closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); decide.mutate(undefined); }}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">{t('alarm.rationaliseWhy')}</Text>
          <SegmentedControl orientation="vertical" fullWidth aria-label={t('alarm.kind')} value={kind} onChange={setKind} data={['alarm', 'alert'].map((value) => ({ value, label: t(`alarmKind.${value}`) }))} />
          {(['cause', 'consequence', 'action'] as const).map((name) => field(name, true))}
          <Group grow align="flex-start">
            <Select label={t('alarm.impact')} allowDeselect={false} value={impact} onChange={(value) => value && setImpact(value as Impact)} data={IMPACTS.map((value) => ({ value, label: t(`impact.${value}`) }))} />
            <NumberInput label={t('alarm.withinMinutes')} min={1} max={10_000} allowDecimal={false} value={minutes} onChange={(value) => setMinutes(Number(value) || 0)} />
          </Group>
          <Group gap={8} data-priority={priority}><Prio p={priority} silent /><Text size="sm" fw={600}>{t('alarm.makes', { priority: t(`priority.${priority}`) })}</Text></Group>
          {field('note', false)}
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={decide.isPending} disabled={!ready}>{t('alarm.decide')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
