import { Badge, Box, Button, Checkbox, Group, NumberInput, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { IconMapPin } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { ChecklistStep, Scalar, WorkOrder } from '../api/types';
import { report } from '../app/notices';
import { useMay, useMe } from '../app/session';
import { useFormat } from '../format/useFormat';
import { AskReason } from '../parts/Confirm';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { Prio } from '../parts/Prio';

const Trend = lazy(() => import('../charts/Trend'));

/** Which steps a state allows; the first is the usual one. */
export const STEPS: Record<string, readonly string[]> = {
  requested: ['assign', 'start', 'cancel'],
  triaged: ['assign', 'start', 'cancel'],
  planned: ['assign', 'start', 'cancel'],
  waiting: ['start', 'assign', 'cancel'],
  assigned: ['start', 'cancel'],
  in_progress: ['done', 'hold'],
  on_hold: ['resume', 'cancel'],
  done: ['verify'],
  verified: ['close'],
};
const NEEDS: Record<string, string> = { assign: 'work-orders.update', start: 'work-orders.start', hold: 'work-orders.update', resume: 'work-orders.start', done: 'work-orders.done', verify: 'work-orders.verify', close: 'work-orders.close', cancel: 'work-orders.update' };

/** One order with everything the hand needs: why, with what, which steps, and who did what. */
export default function Order() {
  const { id } = useParams({ from: '/plant/orders/$id' });
  return <Answer of={useQuery(q.order(id))}>{(order) => <Body order={order} />}</Answer>;
}

function Body({ order }: { order: WorkOrder }) {
  const { t } = useTranslation();
  return (
    <>
      <PageHead title={`${order.number} ${order.title}`} sub={<Link to="/orders" className="tap">{t('order.back')}</Link>}>
        <Prio p={order.priority} /><Badge size="lg" color="slate" variant="outline" data-state={order.state}>{t(`orderState.${order.state}`)}</Badge>
      </PageHead>
      <Steps order={order} />
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm" mt="sm">
        <Evidence order={order} />
        <Checklist order={order} />
        <Stack gap="sm"><Parts order={order} /><About order={order} /></Stack>
        <Story order={order} />
      </SimpleGrid>
    </>
  );
}

function Steps({ order }: { order: WorkOrder }) {
  const { t } = useTranslation();
  const me = useMe();
  const [asking, setAsking] = useState<string | null>(null);
  const may: Record<string, boolean> = { 'work-orders.update': useMay('work-orders.update'), 'work-orders.start': useMay('work-orders.start'), 'work-orders.done': useMay('work-orders.done'), 'work-orders.verify': useMay('work-orders.verify'), 'work-orders.close': useMay('work-orders.close') };
  const take = useCommand(({ step, body }: { step: string; body?: object }) => post<WorkOrder>(`work-orders/${order.id}/${step}`, { version: order.version, ...body }), ['work-orders', 'cases', 'spares', 'tower'], () => { setAsking(null); report(t('order.noted')); });
  const steps = (STEPS[order.state] ?? []).filter((step) => may[NEEDS[step] ?? ''] ?? false);
  const press = (step: string): void => (['hold', 'cancel', 'done', 'verify', 'close'].includes(step) ? setAsking(step) : take.mutate(step === 'assign' ? { step, body: { to: me.name, assigned_to: me.name } } : { step }));
  if (steps.length === 0) return null;
  return (
    <Group gap="xs">
      {steps.map((step, at) => <Button key={step} variant={at === 0 ? 'filled' : 'default'} loading={take.isPending && take.variables.step === step} onClick={() => press(step)} data-step={step}>{t(`step.${step}`)}</Button>)}
      {asking && <AskReason title={t(`step.${asking}`)} label={t(asking === 'hold' || asking === 'cancel' ? 'word.reason' : 'word.note')} need={asking === 'hold' || asking === 'cancel'} confirm={t(`step.${asking}`)} busy={take.isPending} onClose={() => setAsking(null)} onDone={(text) => take.mutate({ step: asking, body: text ? { note: text, reason: text } : {} })} />}
    </Group>
  );
}

/** The signal around the alarm, with the limit it crossed. */
function Evidence({ order }: { order: WorkOrder }) {
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

function Checklist({ order }: { order: WorkOrder }) {
  const { t } = useTranslation();
  const done = order.checklist.filter((step) => step.result !== null && step.result !== undefined).length;
  const fill = useMay('work-orders.update') && ['assigned', 'in_progress'].includes(order.state);
  return (
    <Panel title={`${t('order.checklist')} ${done}/${order.checklist.length}`}>
      {order.checklist.length === 0 && <Text size="sm" c="dimmed">{t('word.none')}</Text>}
      <Box className="rows">{order.checklist.map((step) => <Step key={step.id} order={order} step={step} fill={fill} />)}</Box>
      {!fill && order.checklist.length > 0 && <Text size="xs" c="dimmed" mt={6}>{t('order.checklistWhen')}</Text>}
    </Panel>
  );
}

export function limitsOf(step: Pick<ChecklistStep, 'limits'>): { min: number | null; max: number | null; unit: string } {
  const limits = step.limits;
  if (Array.isArray(limits)) return { min: limits[0], max: limits[1], unit: '' };
  return { min: limits?.min ?? null, max: limits?.max ?? null, unit: limits?.unit ?? '' };
}

function Step({ order, step, fill }: { order: WorkOrder; step: ChecklistStep; fill: boolean }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [value, setValue] = useState<string | number>('');
  const save = useCommand((result: Scalar) => post(`work-orders/${order.id}/checklist/${step.id}`, { result, version: order.version }), ['work-orders']);
  const { min, max, unit } = limitsOf(step);
  const number = /number|measure|value|reading/i.test(step.kind);
  const text = /text|note/i.test(step.kind);
  const done = step.result !== null && step.result !== undefined;
  const outside = typeof step.result === 'number' && ((min !== null && step.result < min) || (max !== null && step.result > max));
  const range = min !== null || max !== null ? `${f.number(min)} … ${f.number(max)} ${unit}` : '';
  if (!number && !text)
    return (
      <Box py={8}>
        <Checkbox size="md" label={step.text} checked={step.result === true || step.result === 'ok' || step.result === 'true'} disabled={!fill || save.isPending} onChange={(event) => save.mutate(event.currentTarget.checked)} />
        {step.done_by && <Text size="xs" c="dimmed" pl={36}>{step.done_by}</Text>}
      </Box>
    );
  return (
    <Box py={8}>
      <Text size="sm">{step.text}{range && <Text span size="xs" c="dimmed"> ({range})</Text>}</Text>
      {done && <Text size="sm" fw={600} c={outside ? 'var(--alarm-2)' : undefined}>{f.value(step.result)} {unit}{outside ? ` · ${t('order.outside')}` : ''}{step.done_by && <Text span size="xs" c="dimmed" fw={400}> · {step.done_by}</Text>}</Text>}
      {fill && !done && (
        <Group gap="xs" mt={4} wrap="nowrap">
          {number ? <NumberInput aria-label={step.text} value={value} onChange={setValue} hideControls inputMode="decimal" decimalSeparator={f.number(1.5, 1).charAt(1)} maw={140} /> : <TextInput aria-label={step.text} value={String(value)} onChange={(event) => setValue(event.currentTarget.value)} style={{ flex: 1 }} />}
          <Button loading={save.isPending} disabled={value === ''} onClick={() => save.mutate(number ? Number(value) : String(value))}>{t('action.save')}</Button>
        </Group>
      )}
    </Box>
  );
}

function Parts({ order }: { order: WorkOrder }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Panel title={t('order.parts')}>
      {order.reserved.length === 0 && <Text size="sm" c="dimmed">{t('order.noParts')}</Text>}
      {order.reserved.map((part) => (
        <Group key={part.part} gap="sm" wrap="nowrap" align="flex-start" data-part={part.part}>
          <Box style={{ flex: 1, minWidth: 0 }}><Text size="sm" fw={600}>{f.number(part.quantity)} × {part.part}</Text><Text size="sm" c="dimmed">{part.name}</Text></Box>
          <Group gap={4} wrap="nowrap"><IconMapPin size={18} aria-hidden /><Text size="sm" fw={600}>{t('spare.bin')} {part.bin}</Text></Group>
        </Group>
      ))}
    </Panel>
  );
}

function About({ order }: { order: WorkOrder }) {
  const { t } = useTranslation();
  const f = useFormat();
  const machine = useQuery(q.assets).data?.items.find((asset) => asset.path === order.asset);
  return (
    <Panel title={t('order.about')}>
      <Facts of={[
        [t('word.asset'), machine ? <Link key="m" to="/machines/$id" params={{ id: machine.id }}>{order.asset}</Link> : order.asset],
        [t('order.kind'), t(`orderKind.${order.kind}`)],
        [t('finding.mode'), order.failure_mode ?? '–'],
        [t('order.created'), f.when(order.created)],
        [t('order.due'), f.when(order.due)],
        [t('order.assigned'), order.assigned_to ?? '–'],
        [t('word.case'), order.case_id ? <Link key="c" to="/cases/$id" params={{ id: order.case_id }}>{t('order.openCase')}</Link> : '–'],
        [t('order.source'), order.source?.type === 'alarm' ? <Link key="s" to="/alarms" search={{}}>{t('alarm.alarm')}</Link> : (order.source?.type ?? '–')],
      ]} />
    </Panel>
  );
}

function Story({ order }: { order: WorkOrder }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Panel title={t('order.history')}>
      <Box className="rows">
        {[...order.history].reverse().map((entry, at) => (
          <Group key={at} gap="sm" py={6} wrap="nowrap" align="flex-start">
            <Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>{f.when(entry.at)}</Text>
            <Box style={{ minWidth: 0 }}><Text size="sm" fw={600} className="wrap">{t(`orderState.${entry.what}`, { defaultValue: t(`orderStep.${entry.what}`, { defaultValue: entry.what }) })}</Text><Text size="xs" c="dimmed">{entry.by}</Text>{entry.note && <Text size="sm" className="wrap">{entry.note}</Text>}</Box>
          </Group>
        ))}
        {order.history.length === 0 && <Text size="sm" c="dimmed">{t('word.none')}</Text>}
      </Box>
    </Panel>
  );
}
