import { Button, Group, Modal, NumberInput, Stack, Switch, TagsInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { useCommand } from '../api/queries';
import { w, type Technician } from '../api/workshop';
import { report } from '../app/notices';
import { pairsOf, readPairs } from './pairs';

/** Somebody's card: what they can do from 1 to 5, in whose shifts they work, and what an hour of theirs costs. */
export function TechnicianForm({ of: one, onClose }: { of: Technician | null; onClose: () => void }) {
  const { t } = useTranslation();
  const [login, setLogin] = useState(one?.login ?? '');
  const [name, setName] = useState(one?.name ?? '');
  const [skills, setSkills] = useState(pairsOf(one?.skills));
  const [line, setLine] = useState(one?.line ?? '');
  const [shifts, setShifts] = useState(one?.shifts ?? []);
  const [week, setWeek] = useState<string | number>(one?.hours_per_week ?? 38.5);
  const [cost, setCost] = useState<string | number>(one?.hourly_cost ?? '');
  const [active, setActive] = useState(one?.active ?? true);
  const body = { login: login.trim(), name: name.trim(), skills: readPairs(skills), line: line.trim(), shifts, hours_per_week: Number(week), hourly_cost: cost === '' ? null : Number(cost), active };
  const save = useCommand(() => post('technicians', { ...body, ...(one ? { version: one.version } : {}) }), [w.technicians.queryKey[0] as string], () => { report(t('word.saved')); onClose(); });
  return (
    <Modal opened onClose={onClose} title={one ? one.name : t('technician.new')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
        <Stack gap="sm">
          <TextInput label={t('technician.login')} required disabled={one !== null} value={login} onChange={(event) => setLogin(event.currentTarget.value)} data-autofocus autoComplete="off" />
          <TextInput label={t('field.name')} required value={name} onChange={(event) => setName(event.currentTarget.value)} autoComplete="off" />
          <TextInput label={t('order.skills')} description={t('technician.skillsHow')} placeholder="mechanical 4, electrical 2" value={skills} onChange={(event) => setSkills(event.currentTarget.value)} />
          <TextInput label={t('technician.line')} placeholder="Bakery/Line 1" value={line} onChange={(event) => setLine(event.currentTarget.value)} />
          <TagsInput label={t('technician.shifts')} value={shifts} onChange={setShifts} />
          <Group gap="sm" grow><NumberInput label={t('technician.week')} required min={1} max={168} value={week} onChange={setWeek} /><NumberInput label={t('technician.cost')} min={0} value={cost} onChange={setCost} /></Group>
          <Switch label={t('technician.active')} checked={active} onChange={(event) => setActive(event.currentTarget.checked)} />
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={save.isPending} data-save-technician>{t('action.save')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
