import { Button, Group, Modal, NumberInput, SegmentedControl, Select, Stack, Switch, TextInput, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import { w, type Plan } from '../api/workshop';
import { report } from '../app/notices';
import { namesOf, pairsOf, readNames, readPairs } from './pairs';

const PRIORITIES = ['1', '2', '3', '4', '5'];

/** A plan by date, by meter or by condition; the server says what is wrong with it, and a changed plan keeps what came of it. */
export function PlanForm({ plan, onClose }: { plan: Plan | null; onClose: () => void }) {
  const { t } = useTranslation();
  const assets = useQuery(q.assets).data?.items ?? [];
  const instructions = useQuery(w.instructions).data?.items ?? [];
  const [name, setName] = useState(plan?.name ?? '');
  const [asset, setAsset] = useState(plan?.asset ?? '');
  const [title, setTitle] = useState(plan?.title ?? '');
  const [kind, setKind] = useState(plan?.kind ?? 'preventive');
  const [by, setBy] = useState<string>(plan?.trigger_kind ?? 'time');
  const [trigger, setTrigger] = useState(plan?.trigger ?? { every: '30d', from: '', floating: false });
  const [names, setNames] = useState(namesOf(plan?.trigger.inputs));
  const [lead, setLead] = useState(plan?.lead ?? '7d');
  const [grace, setGrace] = useState(plan?.grace ?? '1d');
  const [priority, setPriority] = useState(String(plan?.priority ?? 4));
  const [hours, setHours] = useState<string | number>(plan?.own_hours ?? '');
  const [skills, setSkills] = useState(pairsOf(plan?.skills));
  const [parts, setParts] = useState((plan?.parts ?? []).map((one) => `${one.part}*${one.quantity}`).join(', '));
  const [instruction, setInstruction] = useState<string | null>(plan?.instruction || null);
  const set = (more: Partial<typeof trigger>): void => setTrigger({ ...trigger, ...more });
  const when = by === 'time' ? { every: trigger.every ?? '', from: trigger.from ?? '', floating: trigger.floating ?? false } : by === 'meter' ? { meter: trigger.meter ?? '', every_units: trigger.every_units ?? null } : { alarm: trigger.alarm ?? '', when: trigger.when ?? '', inputs: readNames(names) };
  const body = { name: name.trim(), asset, title: title.trim(), kind, trigger: when, lead, grace, priority: Number(priority), hours: hours === '' ? null : Number(hours), skills: readPairs(skills), parts: Object.entries(readPairs(parts)).map(([part, quantity]) => ({ part, quantity })), instruction: instruction ?? '', checklist: plan?.checklist ?? [], permits: plan?.permits ?? [] };
  const save = useCommand(() => post('plans', { plan: body, ...(plan ? { version: plan.version } : {}) }), ['plans'], () => { report(t('word.saved')); onClose(); });
  const clear = { clearable: true, clearButtonProps: { 'aria-label': t('action.clear') } };
  return (
    <Modal opened onClose={onClose} title={plan ? plan.title || plan.name : t('plan.new')} size="lg" closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
        <Stack gap="sm">
          <TextInput label={t('plan.name')} required disabled={plan !== null} maxLength={120} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
          <Select label={t('word.asset')} required searchable value={asset || null} onChange={(value) => setAsset(value ?? '')} data={assets.map((one) => one.path)} />
          <TextInput label={t('order.title')} maxLength={300} value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
          <SegmentedControl aria-label={t('plan.rule')} value={by} onChange={setBy} data={['time', 'meter', 'condition'].map((value) => ({ value, label: t(`triggerKind.${value}`) }))} />
          {by === 'time' && (
            <Group gap="sm" align="flex-end">
              <TextInput label={t('plan.every')} description={t('plan.everyHow')} required w={170} value={trigger.every ?? ''} onChange={(event) => set({ every: event.currentTarget.value })} />
              <TextInput label={t('plan.start')} type="date" w={170} value={(trigger.from ?? '').slice(0, 10)} onChange={(event) => set({ from: event.currentTarget.value ? `${event.currentTarget.value}T06:00:00Z` : '' })} />
              <Switch label={t('plan.sinceDone')} checked={trigger.floating ?? false} onChange={(event) => set({ floating: event.currentTarget.checked })} mb={8} />
            </Group>
          )}
          {by === 'meter' && (
            <Group gap="sm" align="flex-end" grow preventGrowOverflow={false}>
              <TextInput label={t('plan.meterOf')} required value={trigger.meter ?? ''} placeholder={`${asset || 'Bakery/Line 1/Oven'}/RunHours`} onChange={(event) => set({ meter: event.currentTarget.value })} />
              <NumberInput label={t('plan.units')} required min={0} maw={170} hideControls value={trigger.every_units ?? ''} onChange={(value) => set({ every_units: value === '' ? null : Number(value) })} />
            </Group>
          )}
          {by === 'condition' && (
            <>
              <TextInput label={t('plan.alarm')} description={t('plan.alarmHow')} value={trigger.alarm ?? ''} onChange={(event) => set({ alarm: event.currentTarget.value })} />
              <TextInput label={t('plan.formula')} placeholder="vibration > 4.5" value={trigger.when ?? ''} onChange={(event) => set({ when: event.currentTarget.value })} />
              <Textarea label={t('plan.inputs')} placeholder="vibration = Bakery/Line 1/Cooler/Coolant pump/Vibration" autosize minRows={1} value={names} onChange={(event) => setNames(event.currentTarget.value)} />
            </>
          )}
          <Group gap="sm" align="flex-end" grow preventGrowOverflow={false}>
            <Select label={t('order.kind')} allowDeselect={false} value={kind} onChange={(value) => value && setKind(value)} data={['preventive', 'inspection', 'predictive'].map((value) => ({ value, label: t(`orderKind.${value}`) }))} />
            <Select label={t('order.priority')} allowDeselect={false} value={priority} onChange={(value) => value && setPriority(value)} data={PRIORITIES} />
            <NumberInput label={t('plan.hours')} min={0} step={0.5} value={hours} onChange={setHours} />
          </Group>
          <Group gap="sm" align="flex-end" grow preventGrowOverflow={false}>
            <TextInput label={t('plan.lead')} value={lead} onChange={(event) => setLead(event.currentTarget.value)} />
            <TextInput label={t('plan.grace')} value={grace} onChange={(event) => setGrace(event.currentTarget.value)} />
          </Group>
          <TextInput label={t('order.skills')} placeholder="mechanical 2, electrical 1" value={skills} onChange={(event) => setSkills(event.currentTarget.value)} />
          <TextInput label={t('plan.parts')} placeholder="BRG-6205*2, SEAL-32" value={parts} onChange={(event) => setParts(event.currentTarget.value)} />
          <Select label={t('order.instruction')} {...clear} searchable value={instruction} onChange={setInstruction} data={instructions.map((one) => ({ value: one.name, label: one.title }))} />
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={save.isPending} disabled={!asset} data-save-plan>{t('action.save')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
