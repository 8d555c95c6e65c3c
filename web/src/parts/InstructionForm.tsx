import { ActionIcon, Box, Button, FileButton, Group, Modal, NumberInput, Select, Stack, Text, TextInput, Textarea } from '@mantine/core';
import { IconArrowUp, IconPhoto, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, ask, post } from '../api/client';
import { useCommand } from '../api/queries';
import type { Instruction } from '../api/workshop';
import { report } from '../app/notices';
import { pairsOf, readPairs } from './pairs';

type Step = Instruction['content']['steps'][number];
const KINDS = ['check', 'number', 'photo', 'signature'];

/** A work instruction, step by step; saving writes a new version, and orders keep the one they were made with. */
export function InstructionForm({ of: one, onClose }: { of: Instruction | null; onClose: (name?: string) => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(one?.name ?? '');
  const [title, setTitle] = useState(one?.title ?? '');
  const [hours, setHours] = useState<string | number>(one?.content.hours ?? '');
  const [skills, setSkills] = useState(pairsOf(one?.content.skills));
  const [permits, setPermits] = useState((one?.content.permits ?? []).map((permit) => [permit.text, ...(permit.points ?? [])].join('\n')).join('\n\n'));
  const [steps, setSteps] = useState<Step[]>(one?.content.steps ?? [{ text: '', kind: 'check' }]);
  const put = (at: number, more: Partial<Step>): void => setSteps(steps.map((step, place) => (place === at ? { ...step, ...more } : step)));
  const locks = permits.split(/\n\s*\n/).map((block) => block.split('\n').map((line) => line.trim()).filter(Boolean)).filter((lines) => lines.length > 0).map(([text = '', ...points], at) => ({ ...one?.content.permits?.[at], text, points }));
  const clean = steps.filter((step) => step.text.trim()).map((step) => Object.fromEntries(Object.entries(step).filter(([, value]) => value !== '' && value !== null && value !== undefined)));
  const content = { ...one?.content, title: title.trim(), hours: hours === '' ? undefined : Number(hours), skills: readPairs(skills), permits: locks, steps: clean };
  const save = useCommand(() => post('instructions', { name: name.trim(), content }), ['instructions'], () => { report(t('word.saved')); onClose(name.trim()); });
  return (
    <Modal opened onClose={() => onClose()} title={one ? one.title : t('instruction.new')} size="xl" closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
        <Stack gap="sm">
          <Group gap="sm" grow preventGrowOverflow={false}><TextInput label={t('instruction.name')} required disabled={one !== null} maxLength={120} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus /><TextInput label={t('order.title')} required maxLength={300} value={title} onChange={(event) => setTitle(event.currentTarget.value)} /></Group>
          <Group gap="sm" grow preventGrowOverflow={false}><NumberInput label={t('plan.hours')} min={0} step={0.5} value={hours} onChange={setHours} maw={150} /><TextInput label={t('order.skills')} placeholder="mechanical 2" value={skills} onChange={(event) => setSkills(event.currentTarget.value)} /></Group>
          <Textarea label={t('instruction.permits')} description={t('instruction.permitsHow')} autosize minRows={2} value={permits} onChange={(event) => setPermits(event.currentTarget.value)} />
          {steps.map((step, at) => (
            <Box key={at} className="card pad" data-step-of={at + 1}>
              <Group gap={6} wrap="nowrap" align="flex-start">
                <Textarea aria-label={t('instruction.step', { step: at + 1 })} placeholder={t('instruction.step', { step: at + 1 })} autosize minRows={1} style={{ flex: 1 }} value={step.text} onChange={(event) => put(at, { text: event.currentTarget.value })} />
                <ActionIcon variant="default" size="lg" disabled={at === 0} aria-label={t('instruction.up', { step: at + 1 })} onClick={() => setSteps([...steps.slice(0, at - 1), step, ...steps.slice(at - 1, at), ...steps.slice(at + 1)])}><IconArrowUp size={16} aria-hidden /></ActionIcon>
                <ActionIcon variant="default" size="lg" aria-label={t('instruction.drop', { step: at + 1 })} onClick={() => setSteps(steps.filter((_, place) => place !== at))}><IconTrash size={16} aria-hidden /></ActionIcon>
              </Group>
              <Group gap={6} mt={6} align="flex-end">
                <Select aria-label={t('instruction.kind')} size="xs" w={190} allowDeselect={false} value={step.kind} onChange={(value) => value && put(at, { kind: value })} data={KINDS.map((value) => ({ value, label: t(`stepKind.${value}`) }))} />
                {step.kind === 'number' && <NumberInput aria-label={t('instruction.lower')} placeholder={t('instruction.lower')} size="xs" w={90} hideControls value={step.lower ?? ''} onChange={(value) => put(at, { lower: value === '' ? undefined : Number(value) } as Partial<Step>)} />}
                {step.kind === 'number' && <NumberInput aria-label={t('instruction.upper')} placeholder={t('instruction.upper')} size="xs" w={90} hideControls value={step.upper ?? ''} onChange={(value) => put(at, { upper: value === '' ? undefined : Number(value) } as Partial<Step>)} />}
                {step.kind === 'number' && <TextInput aria-label={t('instruction.unit')} placeholder={t('instruction.unit')} size="xs" w={80} value={step.unit ?? ''} onChange={(event) => put(at, { unit: event.currentTarget.value })} />}
                <TextInput aria-label={t('instruction.warning')} placeholder={t('instruction.warning')} size="xs" style={{ flex: 1, minWidth: 150 }} value={step.warning ?? ''} onChange={(event) => put(at, { warning: event.currentTarget.value })} />
                <Picture step={step} onDone={(image) => put(at, { image })} />
              </Group>
              {step.image && <img src={address(`documents/${step.image}/content`)} alt={t('instruction.picture', { step: at + 1 })} style={{ maxWidth: 220, marginTop: 6, border: '1px solid var(--line)' }} />}
            </Box>
          ))}
          <Group justify="space-between" gap="xs">
            <Button onClick={() => setSteps([...steps, { text: '', kind: 'check' }])} data-add-step>{t('instruction.add')}</Button>
            <Group gap="xs"><Button onClick={() => onClose()}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={save.isPending} disabled={clean.length === 0} data-save-instruction>{t('action.save')}</Button></Group>
          </Group>
          {one && <Text size="xs" c="dimmed">{t('instruction.newVersion', { number: one.number + 1 })}</Text>}
        </Stack>
      </form>
    </Modal>
  );
}

function Picture({ step, onDone }: { step: Step; onDone: (id: string) => void }) {
  const { t } = useTranslation();
  const send = useCommand((file: File) => { const form = new FormData(); form.append('file', file); return ask<{ id: string }>('documents', { method: 'POST', body: form }); }, ['documents'], (made) => onDone(made.id));
  return <FileButton accept="image/png,image/jpeg,image/webp" onChange={(file) => file && send.mutate(file)} inputProps={{ 'aria-label': t('instruction.choosePicture') }}>{(props) => <Button {...props} size="xs" loading={send.isPending} leftSection={<IconPhoto size={14} aria-hidden />}>{t(step.image ? 'instruction.otherPicture' : 'instruction.choosePicture')}</Button>}</FileButton>;
}
