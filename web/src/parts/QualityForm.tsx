import { Button, Group, Modal, NumberInput, Select, Stack, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { q, useCommand } from '../api/queries';
import { report } from '../app/notices';

type Figure = number | string;
const number = (value: Figure): number | undefined => (value === '' ? undefined : Number(value));

/** A result of a check, entered by hand: a value with limits says itself whether it passed. */
export function QualityForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const lots = useQuery(q.lots).data?.items ?? [];
  const orders = useQuery(q.productionOrders).data?.items ?? [];
  const assets = useQuery(q.assets).data?.items ?? [];
  const [check, setCheck] = useState('');
  const [about, setAbout] = useState<string | null>(null);
  const [unit, setUnit] = useState('');
  const [note, setNote] = useState('');
  const [verdict, setVerdict] = useState<string | null>(null);
  const [figures, setFigures] = useState<Record<'value' | 'low' | 'high', Figure>>({ value: '', low: '', high: '' });
  const judged = figures.value !== '' && (figures.low !== '' || figures.high !== '');
  const add = useCommand(() => {
    const [kind, name] = [about?.slice(0, about.indexOf(':')) ?? '', about?.slice(about.indexOf(':') + 1)];
    const said = verdict ? { passed: verdict === 'passed' } : {};
    return post('production/quality', { check: check.trim(), [kind]: name, unit: unit.trim(), note: note.trim(), value: number(figures.value), low: number(figures.low), high: number(figures.high), ...said });
  }, ['production/quality', 'production/figures'], () => { report(t('word.saved')); onClose(); });
  const choices = [
    { group: t('production.lots'), items: lots.map((one) => ({ value: `lot:${one.number}`, label: one.number })) },
    { group: t('production.orders'), items: orders.map((one) => ({ value: `order:${one.number}`, label: one.number })) },
    { group: t('word.asset'), items: assets.map((one) => ({ value: `machine:${one.path}`, label: one.path })) },
  ];
  return (
    <Modal opened onClose={onClose} title={t('production.enter')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); add.mutate(undefined); }}>
        <Stack gap="sm">
          <TextInput label={t('production.check')} required value={check} onChange={(event) => setCheck(event.currentTarget.value)} data-autofocus autoComplete="off" />
          <Select label={t('production.of')} required searchable value={about} onChange={setAbout} data={choices} data-about />
          <Group grow gap="xs">{(['value', 'low', 'high'] as const).map((name) => <NumberInput key={name} label={t(`production.${name}`)} hideControls inputMode="decimal" value={figures[name]} onChange={(value) => setFigures((now) => ({ ...now, [name]: value }))} />)}<TextInput label={t('production.unit')} value={unit} onChange={(event) => setUnit(event.currentTarget.value)} autoComplete="off" /></Group>
          <Select label={t('production.verdict')} required={!judged} clearable value={verdict} onChange={setVerdict} placeholder={judged ? t('production.byLimits') : undefined} data={[{ value: 'passed', label: t('order.passed') }, { value: 'failed', label: t('order.failed') }]} clearButtonProps={{ 'aria-label': t('action.clear') }} />
          <Textarea label={t('word.note')} value={note} onChange={(event) => setNote(event.currentTarget.value)} autosize minRows={2} />
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={add.isPending} disabled={!check.trim() || !about || (!judged && !verdict)} data-confirm>{t('action.save')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
