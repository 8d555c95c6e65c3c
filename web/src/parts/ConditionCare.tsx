import { Anchor, Button, FileButton, Group, Modal, Select, SimpleGrid, Stack, Text, Textarea } from '@mantine/core';
import { IconAlertTriangle, IconBatteryOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Fragment, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, post } from '../api/client';
import { condition, type Position } from '../api/condition';
import { useCommand } from '../api/queries';
import { w } from '../api/workshop';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Listed } from './Listed';
import { Answer, Facts, Panel } from './Page';
import { Said } from './Said';

/** A reading taken now, how the sensor itself is, and how what was found at the machine ended before. */
export function ConditionCare({ of: one }: { of: Position }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('condition.record');
  const measure = useCommand(() => post<Position>(`condition/positions/${one.id}/measure`), ['condition']);
  const told = one.measured;
  const facts: [string, React.ReactNode][] = [];
  if (one.battery !== null) facts.push([t('conditionCare.battery'), <Group key="b" gap={5} wrap="nowrap">{one.battery_low && <IconBatteryOff size={17} aria-hidden color="var(--alarm-3)" />}<Text size="sm" fw={one.battery_low ? 700 : 400}>{f.number(one.battery, 1)} {one.battery_unit}{one.battery_low && ` (${t('conditionCare.low')})`}</Text></Group>]);
  if (one.signal !== null) facts.push([t('conditionCare.signal'), `${f.number(one.signal, 0)} ${one.signal_unit}`]);
  return (
    <Panel title={t('conditionCare.title')} extra={may && (one.settings.vibration || one.settings.temperature) && <Button size="compact-md" variant="default" loading={measure.isPending} onClick={() => measure.mutate(undefined)}>{t('conditionCare.measure')}</Button>}>
      <Stack gap="sm">
        {facts.length > 0 && <Facts of={facts} />}
        {told && (
          <Text size="sm" className="wrap" aria-live="polite">
            {t('conditionCare.measured', { at: f.when(told.at), by: told.by ?? '' })} {[told.level !== null && `${f.number(told.level, 2)} ${one.unit}`, told.zone && `${t('condition.zone')} ${told.zone}`, told.temperature !== null && `${f.number(told.temperature, 1)} °C`, !told.running && t('conditionCare.still')].filter(Boolean).join(', ')}
            {told.says.map((said) => <span key={said}> · <Said text={said} /></span>)}
          </Text>
        )}
        <Text size="sm" c="dimmed">{t('conditionCare.measureHint')}</Text>
        <Ended asset={one.asset} />
      </Stack>
    </Panel>
  );
}

function Ended({ asset }: { asset: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  const word = (list: string, code: string): string => (code ? t(`code.${list}.${code}`, { defaultValue: code }) : '–');
  return (
    <>
      <Text fw={600} size="sm">{t('conditionCare.ended')}</Text>
      <Answer of={useQuery(condition.resolutions(asset))} empty={(page) => page.items.length === 0} none={t('conditionCare.endedNone')}>
        {(page) => (
          <Listed minWidth={680} head={[t('condition.at'), t('condition.position'), t('closing.mode'), t('closing.cause'), t('closing.remedy'), t('closing.label')]} rows={page.items.map((row) => ({ key: row.id, cells: [
            <Fragment key="at">{f.when(row.at)}{row.by && <Text size="xs" c="dimmed">{row.by}</Text>}</Fragment>,
            <Fragment key="p">{row.position.slice(row.asset.length + 1)}{row.note && <Text span size="xs" c="dimmed"> {row.note}</Text>}</Fragment>,
            word('mode', row.mode),
            word('cause', row.cause),
            word('remedy', row.remedy),
            t(`findingLabel.${row.label}`),
          ] }))} />
        )}
      </Answer>
    </>
  );
}

/** The machine runs well again: how it failed, why and what was done, in the codes of work orders; nothing chosen is only that. */
export function Resolve({ of: one, onClose }: { of: Position; onClose: () => void }) {
  const { t } = useTranslation();
  const lists = useQuery(w.codes).data?.lists ?? {};
  const [said, setSaid] = useState<Record<string, string>>({});
  const back = useCommand(() => post(`condition/positions/${one.id}/return`, said), ['condition', 'findings', 'alarms'], () => { onClose(); report(t('word.saved')); });
  const codes = ['mode', 'cause', 'remedy'] as const;
  const some = codes.some((name) => said[name]);
  const complete = !some || codes.every((name) => said[name]);
  const choice = (name: string, data: { value: string; label: string }[]) => <Select key={name} label={t(`closing.${name}`)} clearable searchable value={said[name] ?? null} onChange={(value) => setSaid({ ...said, [name]: value ?? '' })} data={data} comboboxProps={{ withinPortal: true }} />;
  return (
    <Modal opened onClose={onClose} title={t('condition.return')} size="lg" closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); back.mutate(undefined); }}>
        <Stack gap="sm">
          <Text size="sm">{t('condition.returnWhy')}</Text>
          <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="xs">{codes.map((name) => choice(name, Object.entries(lists[name] ?? {}).map(([value, text]) => ({ value, label: t(`code.${name}.${value}`, { defaultValue: text }) }))))}</SimpleGrid>
          {choice('label', ['confirmed', 'no_fault_found', 'false_alarm', 'neutral'].map((value) => ({ value, label: t(`findingLabel.${value}`) })))}
          <Textarea label={t('conditionCare.note')} value={said.note ?? ''} onChange={(event) => setSaid({ ...said, note: event.currentTarget.value })} autosize minRows={2} />
          <Text size="xs" c="dimmed">{t(complete ? 'conditionCare.codesWhy' : 'conditionCare.allThree')}</Text>
          <Group justify="flex-end" gap="xs"><Button onClick={onClose} data-autofocus>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={back.isPending} disabled={!complete}>{t('condition.return')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}

interface Taken { dry_run: boolean; rows: number; added: string[]; known: number; wrong: { line: number; column: string; what: string; hint: string }[] }

/** All positions as a table: out, and in again after a dry run that names every wrong line. */
export function PositionFiles() {
  const { t } = useTranslation();
  const may = useMay('condition.edit');
  const [content, setContent] = useState('');
  const [seen, setSeen] = useState<Taken | null>(null);
  const send = (text: string, dry: boolean): Promise<Taken> => post<Taken>('condition/positions/import', { content: text, dry_run: dry });
  const look = useCommand((text: string) => send(text, true), [], setSeen);
  const take = useCommand(() => send(content, false), ['condition', 'assets'], (done) => { report(t('conditionCare.taken', { count: done.added.length })); setSeen(null); });
  const chosen = (file: File | null): void => { if (file) void file.text().then((text) => { setContent(text); look.mutate(text); }); };
  return (
    <Group gap="sm">
      <Anchor size="sm" underline="always" className="tap" download href={address('condition/positions/table')}>{t('conditionCare.tableOut')}</Anchor>
      {may && <FileButton accept=".csv,text/csv" onChange={chosen} inputProps={{ 'aria-label': t('conditionCare.tableIn') }}>{(props) => <Button {...props} size="compact-md" variant="default" loading={look.isPending}>{t('conditionCare.tableIn')}</Button>}</FileButton>}
      {seen && (
        <Modal opened onClose={() => setSeen(null)} title={t('conditionCare.tableIn')} size="lg" closeButtonProps={{ 'aria-label': t('action.close') }}>
          <Stack gap="sm">
            <Text size="sm" fw={600}>{t('conditionCare.would', { rows: seen.rows, added: seen.added.length, known: seen.known })}</Text>
            {seen.added.length > 0 && <Text size="xs" component="pre" style={{ maxHeight: 160, overflow: 'auto', margin: 0 }} tabIndex={0} aria-label={t('table.diff')}>{seen.added.map((path) => `+ ${path}`).join('\n')}</Text>}
            {seen.wrong.map((one) => <Group key={`${one.line}${one.what}`} gap={6} wrap="nowrap" align="flex-start"><IconAlertTriangle size={16} aria-hidden color="var(--alarm-3)" /><Text size="sm" className="wrap">{t('table.line')} {one.line}: <Said text={one.what} />{one.hint && <> – <Said text={one.hint} /></>}</Text></Group>)}
            <Group justify="flex-end" gap="xs"><Button onClick={() => setSeen(null)}>{t('action.cancel')}</Button><Button variant="filled" loading={take.isPending} disabled={seen.wrong.length > 0 || seen.added.length === 0} onClick={() => take.mutate(undefined)}>{t('condition.make')}</Button></Group>
          </Stack>
        </Modal>
      )}
    </Group>
  );
}
