import { Badge, Button, Group, Modal, Select, Stack, TagsInput, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { made, type LogEntry } from '../api/production';
import { q, useCommand } from '../api/queries';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from '../parts/Page';
import '../theme/production.css';

const DAY = 86_400_000;

/** What one shift tells the next: written on the phone at the machine, corrected by a new version, never erased. */
export default function Logbook() {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<string | null>(null);
  const [shift, setShift] = useState<string | null>(null);
  const may = useMay('logbook.write');
  const assets = useQuery(q.assets).data?.items ?? [];
  const lines = assets.filter((one) => one.level === 'line' || one.constraint);
  const line = chosen ?? lines[0]?.path ?? '';
  const shifts = useQuery(made.running(line, DAY)).data?.shifts ?? [];
  const places = assets.filter((one) => one.path === line || one.path.startsWith(`${line}/`)).map((one) => one.path);
  return (
    <>
      <PageHead title={t('nav.logbook')} sub={t('logbook.sub')}>
        <Select aria-label={t('production.line')} allowDeselect={false} value={line || null} onChange={setChosen} data={lines.map((one) => one.path)} w={170} />
        <Select aria-label={t('logbook.shift')} placeholder={t('logbook.allShifts')} clearable value={shift} onChange={setShift} data={shifts} w={150} clearButtonProps={{ 'aria-label': t('action.clear') }} data-shift />
      </PageHead>
      {may && line && <Panel title={t('logbook.write')}><Write line={line} places={places} /></Panel>}
      <Panel pad={false} mt="sm">
        <Answer of={useQuery(made.logbook(line, shift ?? '', 14 * DAY))} empty={(list) => list.items.length === 0} none={t('logbook.none')}>
          {(list) => <div className="rows">{list.items.map((one) => <Entry key={one.id} of={one} may={may} />)}</div>}
        </Answer>
      </Panel>
    </>
  );
}

function Write({ line, places }: { line: string; places: string[] }) {
  const { t } = useTranslation();
  const [asset, setAsset] = useState<string | null>(null);
  const [text, setText] = useState('');
  const [tags, setTags] = useState<string[]>([]);
  const at = asset && places.includes(asset) ? asset : line;
  const write = useCommand(() => post('logbook', { asset: at, text: text.trim(), tags }), ['logbook'], () => { setText(''); setTags([]); report(t('word.saved')); });
  return (
    <form onSubmit={(event) => { event.preventDefault(); write.mutate(undefined); }}>
      <Stack gap="xs">
        <Textarea aria-label={t('logbook.text')} placeholder={t('logbook.placeholder')} required autosize minRows={2} value={text} onChange={(event) => setText(event.currentTarget.value)} data-log-text />
        <Group gap="xs" align="flex-end">
          <Select label={t('word.asset')} searchable allowDeselect={false} value={at} onChange={setAsset} data={places} style={{ flex: '1 1 200px' }} />
          <TagsInput label={t('logbook.tags')} value={tags} onChange={setTags} style={{ flex: '1 1 160px' }} />
          <Button type="submit" variant="filled" loading={write.isPending} disabled={!text.trim()} data-log-write>{t('logbook.enter')}</Button>
        </Group>
      </Stack>
    </form>
  );
}

function Entry({ of: one, may }: { of: LogEntry; may: boolean }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [correcting, setCorrecting] = useState(false);
  const [past, setPast] = useState(false);
  return (
    <article className="pad" data-entry={one.id}>
      <Group justify="space-between" gap="xs">
        <Text size="sm" c="dimmed">{f.when(one.at)}{one.shift ? ` · ${one.shift}` : ''} · {one.asset}</Text>
        <Text size="sm" c="dimmed">{one.author ?? t('word.unknown')}</Text>
      </Group>
      <Text className="log-text">{one.text}</Text>
      <Group gap={6} mt={4}>
        {one.tags.map((tag) => <Badge key={tag} color="slate" variant="outline" tt="none">{tag}</Badge>)}
        {one.version > 1 && <Button size="compact-sm" aria-expanded={past} onClick={() => setPast(!past)}>{t('logbook.versions', { count: one.version })}</Button>}
        {may && <Button size="compact-sm" onClick={() => setCorrecting(true)} data-correct>{t('logbook.correct')}</Button>}
      </Group>
      {past && <Versions id={one.id} />}
      {correcting && <Correct of={one} onClose={() => setCorrecting(false)} />}
    </article>
  );
}

function Versions({ id }: { id: string }) {
  const f = useFormat();
  return (
    <Answer of={useQuery(made.versions(id))}>
      {(list) => <Stack gap={4} mt={6}>{list.items.slice(0, -1).map((one) => <div key={one.version}><Text size="xs" c="dimmed">{f.when(one.written)} · {one.author}</Text><Text size="sm" className="log-text diff-old">{one.text}</Text></div>)}</Stack>}
    </Answer>
  );
}

function Correct({ of: one, onClose }: { of: LogEntry; onClose: () => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(one.text);
  const save = useCommand(() => post(`logbook/${one.id}/correct`, { text: text.trim(), version: one.version }), ['logbook'], onClose);
  return (
    <Modal opened onClose={onClose} title={t('logbook.correct')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">{t('logbook.stays')}</Text>
          <Textarea aria-label={t('logbook.text')} required autosize minRows={3} value={text} onChange={(event) => setText(event.currentTarget.value)} data-autofocus />
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={save.isPending} disabled={!text.trim() || text.trim() === one.text} data-confirm>{t('action.save')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
