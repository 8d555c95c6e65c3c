import { Button, Group, Modal, Select, Stack, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { useCommand } from '../api/queries';
import type { CaseDetail } from '../api/types';
import { may } from '../app/permissions';
import { useMe } from '../app/session';

const TOUCHES = ['cases', 'tower', 'processes', 'work-orders', 'approvals', 'purchases'] as const;

/** What a person can do on a case: answer the tasks that wait for a person, or give the case up. */
export function CaseAnswer({ of: one }: { of: CaseDetail }) {
  const { t } = useTranslation();
  const me = useMe();
  const [task, setTask] = useState<string | null>(null);
  const [ending, setEnding] = useState(false);
  const open = one.tasks.filter((row) => row.state === 'open').map((row) => row.name);
  const asked = (one.definition?.tasks ?? []).filter((step) => step.does === 'person.do' && open.includes(step.id));
  const chosen = asked.find((step) => step.id === task);
  return (
    <Group gap="xs">
      {may(me.roles, 'cases.answer') && asked.map((step) => <Button key={step.id} variant="filled" onClick={() => setTask(step.id)} data-answer={step.id}>{t(`task.${step.id}`, { defaultValue: step.title ?? step.id })}</Button>)}
      {may(me.roles, 'cases.cancel') && (one.state === 'open' || one.state === 'failed') && <Button onClick={() => setEnding(true)} data-give-up>{t('case.giveUp')}</Button>}
      {chosen && <Asked id={one.id} step={chosen.id} title={t(`task.${chosen.id}`, { defaultValue: chosen.title ?? chosen.id })} answers={chosen.with?.answers ?? ['done']} onClose={() => setTask(null)} />}
      {ending && <GiveUp of={one} onClose={() => setEnding(false)} />}
    </Group>
  );
}

function Asked({ id, step, title, answers, onClose }: { id: string; step: string; title: string; answers: string[]; onClose: () => void }) {
  const { t } = useTranslation();
  const [answer, setAnswer] = useState<string | null>(answers.length === 1 ? answers[0] ?? null : null);
  const [note, setNote] = useState('');
  const send = useCommand(() => post(`cases/${id}/tasks/${step}/answer`, { answer, note: note.trim() }), TOUCHES, onClose);
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); send.mutate(undefined); }}>
        <Stack gap="sm">
          <Select label={t('case.answer')} required allowDeselect={false} value={answer} onChange={setAnswer} data={answers.map((value) => ({ value, label: t(`answer.${value}`, { defaultValue: value }) }))} />
          <Textarea label={t('word.note')} value={note} onChange={(event) => setNote(event.currentTarget.value)} autosize minRows={2} />
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={send.isPending} disabled={!answer} data-confirm>{t('case.send')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}

function GiveUp({ of: one, onClose }: { of: CaseDetail; onClose: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState('');
  const send = useCommand(() => post(`cases/${one.id}/cancel`, { reason: reason.trim(), version: one.version }), TOUCHES, onClose);
  return (
    <Modal opened onClose={onClose} title={t('case.giveUp')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); send.mutate(undefined); }}>
        <Stack gap="sm">
          <Textarea label={t('word.reason')} description={t('case.giveUpWhy')} required value={reason} onChange={(event) => setReason(event.currentTarget.value)} autosize minRows={2} />
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={send.isPending} disabled={!reason.trim()} data-confirm>{t('case.giveUp')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
