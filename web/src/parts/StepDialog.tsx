import { Button, Group, Modal, Select, Stack, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { w, type FullOrder } from '../api/workshop';

/** The code lists of closing an order (maintain/codes.py): a fault is data, not a diary. */
const CODES = {
  mode: ['VIB', 'OHE', 'NOI', 'LEK', 'STP', 'STA', 'LOO', 'ERO', 'BRK', 'PLU', 'ELE', 'INS', 'OTH', 'NON'],
  mechanism: ['WEA', 'FAT', 'COR', 'LOS', 'MIS', 'IMB', 'LUB', 'CON', 'OVL', 'SHO', 'UNK'],
  cause: ['AGE', 'INSTALL', 'MAINT', 'OPER', 'DESIGN', 'MATERIAL', 'EXTERN', 'UNK'],
  remedy: ['REPLACE', 'REPAIR', 'ADJUST', 'LUBE', 'CLEAN', 'TIGHTEN', 'RESET', 'INSPECT', 'NONE'],
  label: ['confirmed', 'no_fault_found', 'false_alarm', 'neutral'],
} as const;
const REQUIRED: readonly string[] = ['mode', 'cause', 'remedy'];
const WAITS = ['parts', 'permit', 'downtime', 'people', 'other'] as const;

/** What a step asks before it is taken: a reason to hold, the codes of what was found, a note. */
export function StepDialog({ step, order, busy, onDone, onClose }: { step: string; order: FullOrder; busy: boolean; onDone: (body: object) => void; onClose: () => void }) {
  const { t } = useTranslation();
  const [note, setNote] = useState('');
  const [reason, setReason] = useState<string>('parts');
  const [codes, setCodes] = useState<Record<string, string>>({ mode: order.failure_mode ?? '', ...order.closing });
  const lists = useQuery(w.codes).data?.lists;
  const coded = step === 'close';
  const waits = step === 'hold' || step === 'wait';
  const required = order.findings.some((one) => one.type === 'finding') ? [...REQUIRED, 'label'] : REQUIRED;
  const ready = !coded || required.every((name) => codes[name]);
  const known = (name: keyof typeof CODES): { value: string; label: string }[] => (lists?.[name] ? Object.entries(lists[name]) : CODES[name].map((code) => [code, code] as const)).map(([value, text]) => ({ value, label: t(`code.${name}.${value}`, { defaultValue: text }) }));
  const body = (): object => ({ ...(note.trim() ? { note: note.trim() } : {}), ...(waits ? { reason } : {}), ...(coded ? { codes: Object.fromEntries(Object.entries(codes).filter(([, code]) => code)) } : {}) });
  return (
    <Modal opened onClose={onClose} title={t(`step.${step}`)} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); onDone(body()); }}>
        <Stack gap="sm">
          {waits && <Select label={t('word.reason')} allowDeselect={false} value={reason} onChange={(value) => value && setReason(value)} data={WAITS.map((value) => ({ value, label: t(`wait.${value}`) }))} />}
          {coded && <Text size="sm" c="dimmed">{t('closing.why')}</Text>}
          {coded && (Object.keys(CODES) as (keyof typeof CODES)[]).map((name) => (
            <Select key={name} label={t(`closing.${name}`)} required={required.includes(name)} clearable={!required.includes(name)} value={codes[name] || null} onChange={(value) => setCodes({ ...codes, [name]: value ?? '' })}
              data={known(name)} clearButtonProps={{ 'aria-label': t('action.clear') }} data-code={name} />
          ))}
          <Textarea label={t('word.note')} value={note} onChange={(event) => setNote(event.currentTarget.value)} autosize minRows={2} />
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={busy} disabled={!ready} data-confirm>{t(`step.${step}`)}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
