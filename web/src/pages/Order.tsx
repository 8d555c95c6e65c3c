import { Badge, Box, Button, Group, NumberInput, SimpleGrid, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconMapPin, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { Scalar, WorkOrder } from '../api/types';
import { w, type CheckStep, type FullOrder } from '../api/workshop';
import { toFinding } from '../app/alarmSearch';
import { may } from '../app/permissions';
import { useMay, useMe } from '../app/session';
import { useFormat } from '../format/useFormat';
import { delivered } from '../locales/sentences';
import { useWho } from '../parts/Actor';
import { CheckPhoto } from '../parts/CheckPhoto';
import { Elsewhere } from '../parts/Elsewhere';
import { Candidates, Past } from '../parts/OrderAdvice';
import { Effort, PartMoves, Permits, Talk } from '../parts/OrderWork';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { Prio } from '../parts/Prio';
import { Said } from '../parts/Said';
import { StepDialog } from '../parts/StepDialog';
import { useTitle } from '../parts/titles';

const Trend = lazy(() => import('../charts/Trend'));

/** Which steps a state allows (maintain/steps.py); the first is the usual one. */
export const STEPS: Record<string, readonly string[]> = {
  requested: ['triage', 'assign', 'start', 'reject', 'cancel'],
  triaged: ['assign', 'plan', 'wait', 'start', 'reject', 'cancel'],
  planned: ['assign', 'wait', 'start', 'cancel'],
  waiting: ['start', 'plan', 'assign', 'cancel'],
  assigned: ['start', 'wait', 'cancel'],
  in_progress: ['done', 'hold', 'cancel'],
  on_hold: ['resume', 'cancel'],
  done: ['verify', 'reopen'],
  verified: ['close', 'reopen'],
};

/** One order with everything the hand needs: why, with what, which steps, and who did what. */
export default function Order() {
  const { id } = useParams({ from: '/plant/orders/$id' });
  return <Answer of={useQuery(w.order(id))}>{(order) => <Body order={order} />}</Answer>;
}

function Body({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const title = useTitle();
  return (
    <>
      <PageHead title={`${order.number} ${title(order.title)}`} sub={<Link to="/orders" className="tap">{t('order.back')}</Link>}>
        <Prio p={order.priority} /><Badge size="lg" color="slate" variant="outline" data-state={order.state}>{t(`orderState.${order.state}`)}</Badge>
      </PageHead>
      <Steps order={order} />
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm" mt="sm">
        <Stack gap="sm"><Permits order={order} /><Checklist order={order} /><Parts order={order} /><Effort order={order} /></Stack>
        <Stack gap="sm"><Evidence order={order} /><Candidates order={order} /><Past order={order} /><Elsewhere order={order} /><Talk order={order} /></Stack>
        <About order={order} />
        <Story order={order} />
      </SimpleGrid>
    </>
  );
}

function Steps({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const me = useMe();
  const { roles } = me;
  const [asking, setAsking] = useState<string | null>(null);
  const take = useCommand(({ step, body }: { step: string; body?: object }) => post<WorkOrder>(`work-orders/${order.id}/${step}`, { version: order.version, ...body }), ['work-orders', 'cases', 'spares', 'tower'], () => setAsking(null));
  const steps = (STEPS[order.state] ?? []).filter((step) => may(roles, `work-orders.${step}`));
  const press = (step: string): void => {
    if (['hold', 'wait', 'cancel', 'reject', 'reopen', 'done', 'verify', 'close'].includes(step)) setAsking(step);
    else take.mutate(step === 'assign' ? { step, body: { to: me.id } } : { step });
  };
  if (steps.length === 0) return null;
  return (
    <Group gap="xs">
      {steps.map((step, at) => <Button key={step} variant={at === 0 ? 'filled' : 'default'} loading={take.isPending && take.variables.step === step} onClick={() => press(step)} data-step={step}>{t(`step.${step}`)}</Button>)}
      {asking && <StepDialog step={asking} order={order} busy={take.isPending} onClose={() => setAsking(null)} onDone={(body) => take.mutate({ step: asking, body })} />}
    </Group>
  );
}

/** The signal around the alarm, with the limit it crossed. */
function Evidence({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const f = useFormat();
  const evidence = order.evidence;
  if (!evidence?.property) return <Panel title={t('order.evidence')}><Text size="sm" c="dimmed">{t('order.noEvidence')}</Text></Panel>;
  const name = evidence.property.split('/').at(-1) ?? evidence.property;
  const start = Date.parse(evidence.start);
  const end = Date.parse(evidence.end);
  const air = Math.max(60_000, (end - start) * 0.25);
  return (
    <Panel title={t('order.evidence')}>
      <Text size="sm" mb={6} className="wrap">{evidence.property}: <strong>{f.number(evidence.value)}</strong> {evidence.limit !== null && <>({t('trend.limit')} {f.number(evidence.limit)})</>}</Text>
      <Suspense fallback={<Box h={220} />}><Trend path={evidence.property} label={name} unit="" height={220} span={{ start: start - air, end: end + air }} limit={evidence.limit} live={false} /></Suspense>
      <Text size="xs" c="dimmed">{f.when(start)} – {f.when(end)}</Text>
    </Panel>
  );
}

const BEFORE = ['requested', 'triaged', 'planned', 'waiting', 'on_hold'];

function Checklist({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const done = order.checklist.filter((step) => step.result !== null && step.result !== undefined).length;
  const fill = useMay('work-orders.checklist') && ['assigned', 'in_progress'].includes(order.state);
  return (
    <Panel title={`${t('order.checklist')} ${done}/${order.checklist.length}`}>
      {order.checklist.length === 0 && <Text size="sm" c="dimmed">{t('word.none')}</Text>}
      <Box className="rows">{order.checklist.map((step) => <Step key={step.id} order={order} step={step} fill={fill} />)}</Box>
      {!fill && order.checklist.length > 0 && BEFORE.includes(order.state) && <Text size="xs" c="dimmed" mt={6}>{t('order.checklistWhen')}</Text>}
    </Panel>
  );
}

function Step({ order, step: given, fill }: { order: FullOrder; step: CheckStep; fill: boolean }) {
  const { t, i18n } = useTranslation();
  const step = { ...given, text: delivered(given.text, i18n.language) };
  const f = useFormat();
  const [value, setValue] = useState<string | number>('');
  const save = useCommand((result: Scalar) => post(`work-orders/${order.id}/checklist/${step.id}`, { result, step_version: step.version ?? null }), ['work-orders']);
  const { min: lower = null, max: upper = null, unit = '' } = step.limits ?? {};
  const number = step.kind === 'number';
  const done = step.result !== null && step.result !== undefined;
  const outside = done && step.passed === false;
  const range = lower !== null && upper !== null ? `${f.number(lower)} … ${f.number(upper)} ${unit}` : upper !== null ? `≤ ${f.number(upper)} ${unit}` : lower !== null ? `≥ ${f.number(lower)} ${unit}` : unit;
  if (step.kind === 'photo' || step.kind === 'signature') return <CheckPhoto order={order} step={step} fill={fill} />;
  const help = <StepHelp step={step} />;
  if (!number)
    return (
      <Group py={8} justify="space-between" wrap="nowrap" gap="sm" data-check={step.id}>
        <Box><Text size="sm">{step.text}</Text>{help}{done && <Text size="xs" c="dimmed">{t(step.passed ? 'order.passed' : 'order.failed')}{step.done_by ? ` · ${step.done_by}` : ''}</Text>}</Box>
        <Group gap={4} wrap="nowrap" role="group" aria-label={step.text}>
          <Button size="compact-md" variant={done && step.passed ? 'filled' : 'default'} aria-pressed={done && step.passed === true} disabled={!fill} leftSection={<IconCheck size={15} aria-hidden />} onClick={() => save.mutate(true)}>{t('order.pass')}</Button>
          <Button size="compact-md" variant={done && step.passed === false ? 'filled' : 'default'} aria-pressed={done && step.passed === false} disabled={!fill} leftSection={<IconX size={15} aria-hidden />} onClick={() => save.mutate(false)}>{t('order.fail')}</Button>
        </Group>
      </Group>
    );
  return (
    <Box py={8}>
      <Text size="sm">{step.text}{range && <Text span size="xs" c="dimmed"> ({range})</Text>}</Text>
      {help}
      {done && <Text size="sm" fw={600} c={outside ? 'var(--alarm-2)' : undefined}>{f.value(step.result)} {unit}{outside ? ` · ${t('order.outside')}` : ''}{step.done_by && <Text span size="xs" c="dimmed" fw={400}> · {step.done_by}</Text>}</Text>}
      {fill && !done && (
        <Group gap="xs" mt={4} wrap="nowrap">
          <NumberInput aria-label={step.text} value={value} onChange={setValue} hideControls inputMode="decimal" decimalSeparator={f.number(1.5, 1).charAt(1)} maw={140} />
          <Button loading={save.isPending} disabled={value === '' || !Number.isFinite(Number(value))} onClick={() => save.mutate(Number(value))}>{t('action.save')}</Button>
        </Group>
      )}
    </Box>
  );
}

/** What to mind at a step, and how it looks. */
function StepHelp({ step }: { step: CheckStep }) {
  const { t } = useTranslation();
  return (
    <>
      {step.warning && <Group gap={4} wrap="nowrap"><IconAlertTriangle size={16} style={{ flex: 'none' }} aria-hidden /><Text size="xs" fw={700} className="wrap">{step.warning}</Text></Group>}
      {step.image && <details><summary>{t('order.picture')}</summary><img src={address(`documents/${step.image}/content`)} alt={step.text} style={{ width: '100%', maxWidth: 480 }} loading="lazy" /></details>}
    </>
  );
}

function Parts({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Panel title={t('order.parts')}>
      {order.reserved.length === 0 && <Text size="sm" c="dimmed">{t('order.noParts')}</Text>}
      {order.reserved.map((part) => (
        <Group key={part.part} gap="sm" wrap="nowrap" align="flex-start" data-part={part.part}>
          <Box style={{ flex: 1, minWidth: 0 }}><Text size="sm" fw={600}>{part.quantity > 0 ? `${f.number(part.quantity)} × ${part.part}` : `${part.part}: ${t('order.used', { count: part.issued ?? 0 })}`}</Text><Text size="sm" c="dimmed">{part.name}</Text></Box>
          <Group gap={4} wrap="nowrap"><IconMapPin size={18} aria-hidden /><Text size="sm" fw={600}>{t('spare.bin')} {part.bin}</Text></Group>
        </Group>
      ))}
      <PartMoves order={order} />
    </Panel>
  );
}

function About({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const f = useFormat();
  const machine = useQuery(q.assets).data?.items.find((asset) => asset.path === order.asset);
  return (
    <Panel title={t('order.about')}>
      <Facts of={[
        [t('word.asset'), machine ? <Link key="m" to="/machines/$id" params={{ id: machine.id }}>{order.asset}</Link> : order.asset],
        [t('order.kind'), t(`orderKind.${order.kind}`)],
        [t('finding.mode'), order.failure_mode || '–'],
        [t('order.created'), f.when(order.created)],
        [t('order.due'), f.when(order.due)],
        [t('order.priority'), `${t(`priority.${order.priority}`)}${order.urgency ? ` (${t('order.criticality')} ${order.criticality} × ${t('order.urgency')} ${order.urgency})` : ''}`],
        [t('order.estimate'), order.hours === null ? '–' : `${f.number(order.hours, 1)} h`],
        [t('order.skills'), Object.entries(order.skills).map(([name, level]) => `${t(`skill.${name}`, { defaultValue: name })} ${level}`).join(', ') || '–'],
        [t('order.instruction'), order.instruction ? <Link key="i" to="/instructions" search={{ name: order.instruction }}>{order.instruction} · {t('instruction.version')} {order.instruction_number}</Link> : '–'],
        [t('order.assigned'), order.assigned_to ?? '–'],
        [t('word.case'), order.case_id ? <Link key="c" to="/cases/$id" params={{ id: order.case_id }}>{t('order.openCase')}</Link> : '–'],
        [t('order.source'), order.source?.type === 'finding' ? <Link key="s" to="/alarms" search={toFinding(order.source.id)}>{t('finding.one')}</Link> : order.source?.type === 'alarm' ? <Link key="s" to="/alarms" search={{ alarm: order.source.id }}>{t('alarm.alarm')}</Link> : order.source ? t(`sourceType.${order.source.type}`, { defaultValue: order.source.type }) : '–'],
      ]} />
    </Panel>
  );
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** A note may name a checklist step or a person by id: the step by its text, the person is in the line already. */
export function noteOf(order: Pick<WorkOrder, 'checklist'>, note: string | null): string {
  const id = UUID.exec(note ?? '')?.[0];
  if (!id) return note ?? '';
  return order.checklist.find((step) => step.id === id)?.text ?? '';
}

function Story({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const who = useWho();
  const f = useFormat();
  return (
    <Panel title={t('order.history')}>
      <Box className="rows">
        {[...order.history].reverse().map((entry, at) => (
          <Group key={at} gap="sm" py={6} wrap="nowrap" align="flex-start">
            <Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>{f.when(entry.at)}</Text>
            <Box style={{ minWidth: 0 }}><Text size="sm" fw={600} className="wrap">{t(`orderState.${entry.what}`, { defaultValue: t(`orderStep.${entry.what}`, { defaultValue: entry.what }) })}</Text><Text size="xs" c="dimmed">{who(entry.by)}</Text>{noteOf(order, entry.note) && <Text size="sm" className="wrap"><Said text={noteOf(order, entry.note)} /></Text>}</Box>
          </Group>
        ))}
        {order.history.length === 0 && <Text size="sm" c="dimmed">{t('word.none')}</Text>}
      </Box>
    </Panel>
  );
}
