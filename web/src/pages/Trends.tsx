import { ActionIcon, Alert, Button, Group, Menu, MultiSelect, SegmentedControl, Select, Table, Text, TextInput } from '@mantine/core';
import { useDebouncedValue, useElementSize, useLocalStorage } from '@mantine/hooks';
import { IconChevronLeft, IconChevronRight, IconDownload, IconEdit, IconZoomOut } from '@tabler/icons-react';
import { useQueries, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useMemo, useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { address } from '../api/client';
import { q } from '../api/queries';
import { explain } from '../app/notices';
import { useMay } from '../app/session';
import { EARLIER, HOUR, MOST, SPANS, trendSearch, type TrendSearch } from '../app/trendSearch';
import type { Mark } from '../charts/Explorer';
import { loadTrack, summary, type Track } from '../charts/tracks';
import { useFormat } from '../format/useFormat';
import type { Period } from '../api/types';
import { PageHead, Panel } from '../parts/Page';
import { Corrected, CorrectDialog } from '../parts/Recompute';
import { Scroll } from '../parts/Scroll';
import { useTitle } from '../parts/titles';

const Explorer = lazy(() => import('../charts/Explorer'));
const route = getRouteApi('/plant/trends');

/** Any properties over any span, beside each other and beside what happened: the address of the page is the view. */
export default function Trends() {
  const { t } = useTranslation();
  const f = useFormat();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { ref, width } = useElementSize();
  const [at, setAt] = useState<number | null>(null);
  const [values, setValues] = useState<readonly (number | null)[] | null>(null);
  const paths = useMemo(() => search.p ?? [], [search.p]);
  const length = search.from !== undefined && search.to !== undefined ? search.to - search.from : (SPANS[search.w ?? '1h'] ?? HOUR);
  const [now, setNow] = useState(() => Date.now());
  const span = useMemo(() => (search.from !== undefined && search.to !== undefined ? { start: search.from, end: search.to } : { start: now - length, end: now }), [search.from, search.to, now, length]);
  const go = useCallback((next: Partial<TrendSearch>) => void navigate({ search: (before: TrendSearch) => trendSearch({ ...before, ...next }), replace: true }), [navigate]);
  const show = useCallback((start: number, end: number) => go({ from: Math.round(start), to: Math.round(end) }), [go]);
  const points = Math.max(200, Math.min(900, Math.round((width || 900) / 1.4)));
  const shift = search.cmp ? (EARLIER[search.cmp] ?? 0) : 0;
  const wanted = useMemo(() => [...paths.map((path, ink) => ({ path, ink, back: 0 })), ...(shift ? paths.map((path, ink) => ({ path, ink, back: shift })) : [])], [paths, shift]);
  const answers = useQueries({
    queries: wanted.map((one) => ({
      queryKey: ['tracks', one.path, span.start - one.back, span.end - one.back, points],
      queryFn: ({ signal }: { signal: AbortSignal }) => loadTrack(one.path, span.start - one.back, span.end - one.back, points, signal),
      staleTime: Infinity,
      gcTime: 60_000,
    })),
  });
  const stamp = answers.map((one) => one.dataUpdatedAt).join();
  const tracks = useMemo<Track[]>(
    () => wanted.flatMap((one, n) => {
      const found = answers[n]?.data;
      return found ? [{ ...found, ink: one.ink, earlier: one.back > 0, x: one.back ? found.x.map((x) => x + one.back / 1000) : found.x }] : [];
    }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the answers' identity changes with every render, their time does not
    [wanted, stamp],
  );
  const marks = useMarks(paths, span);
  const cursor = useCallback((found: readonly (number | null)[] | null, when: number | null) => { setValues(found); setAt(when); }, []);
  const pan = (part: number) => show(span.start + length * part, span.end + length * part);
  const keys = (event: KeyboardEvent) => {
    const deeds: Record<string, () => void> = { ArrowLeft: () => pan(-0.25), ArrowRight: () => pan(0.25), '+': () => show(span.start + length / 4, span.end - length / 4), '-': () => show(span.start - length / 2, span.end + length / 2) };
    const deed = deeds[event.key];
    if (deed) { event.preventDefault(); deed(); }
  };
  const failed = answers.find((one) => one.isError)?.error;
  const waiting = answers.some((one) => one.isPending);
  return (
    <>
      <PageHead title={t('nav.trends')} sub={t('trends.sub')}><Saved search={search} onOpen={(view) => void navigate({ search: trendSearch({ ...view }) })} /></PageHead>
      <Panel>
        <Pick paths={paths} onPick={(p) => go({ p })} />
        <Group gap="xs" mt="xs">
          <SegmentedControl size="sm" aria-label={t('window.label')} value={search.from === undefined ? (search.w ?? '1h') : ''} onChange={(w) => { setNow(Date.now()); void navigate({ search: (before: TrendSearch) => trendSearch({ p: before.p, cmp: before.cmp, w }), replace: true }); }} data={Object.keys(SPANS)} />
          <Group gap={4} wrap="nowrap">
            <ActionIcon variant="default" size="lg" aria-label={t('trends.back')} onClick={() => pan(-0.5)}><IconChevronLeft size={18} /></ActionIcon>
            <ActionIcon variant="default" size="lg" aria-label={t('trends.forth')} onClick={() => pan(0.5)}><IconChevronRight size={18} /></ActionIcon>
            <ActionIcon variant="default" size="lg" aria-label={t('trends.out')} onClick={() => show(span.start - length / 2, span.end + length / 2)}><IconZoomOut size={18} /></ActionIcon>
          </Group>
          <Moments span={span} onSet={show} />
          <Select aria-label={t('trends.compare')} placeholder={t('trends.compare')} clearable clearButtonProps={{ 'aria-label': t('action.clear') }} value={search.cmp ?? null} onChange={(cmp) => go({ cmp: cmp ?? '' })} data={Object.keys(EARLIER).map((value) => ({ value, label: t('trends.earlier', { span: value }) }))} w={190} />
          <Download paths={paths} span={span} />
          <Correct paths={paths} span={span} />
        </Group>
      </Panel>
      <Panel mt="sm">
        {failed && <Alert color="red" variant="outline" mb="xs" title={explain(failed).title}>{explain(failed).detail} {explain(failed).hint}</Alert>}
        <div ref={ref} role="group" tabIndex={0} aria-label={t('trends.chart')} onKeyDown={keys} data-trends={waiting ? 'waiting' : 'there'}>
          {paths.length === 0 ? <Text c="dimmed" p="md">{t('trends.none')}</Text> : <Suspense fallback={<div style={{ height: 340 }} />}><Explorer tracks={tracks} span={span} marks={marks} height={340} onZoom={show} onCursor={cursor} /></Suspense>}
        </div>
        <Text size="xs" c="dimmed">{t('trends.hint')}</Text>
      </Panel>
      {tracks.length > 0 && (
        <Panel pad={false} mt="sm" title={at === null ? t('trends.values') : `${t('trends.at')} ${f.when(at)}`}>
          <Scroll minWidth={620}>
            <Table>
              <Table.Thead><Table.Tr><Table.Th>{t('word.property')}</Table.Th><Table.Th className="figure">{t('trends.cursor')}</Table.Th><Table.Th className="figure">{t('trends.low')}</Table.Th><Table.Th className="figure">{t('trends.mean')}</Table.Th><Table.Th className="figure">{t('trends.high')}</Table.Th><Table.Th>{t('trends.shown')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{tracks.map((track, n) => {
                const found = summary(track);
                return (
                  <Table.Tr key={`${track.path}${track.earlier ? '/earlier' : ''}`}>
                    <Table.Td className="wrap"><Swatch track={track} /> {track.path}{track.earlier && ` (${t('trends.earlier', { span: search.cmp })})`}</Table.Td>
                    <Table.Td className="figure">{f.number(values?.[n] ?? (values ? null : lastOf(track)))} {track.unit}</Table.Td>
                    <Table.Td className="figure">{f.number(found.low)}</Table.Td><Table.Td className="figure">{f.number(found.mean)}</Table.Td><Table.Td className="figure">{f.number(found.high)}</Table.Td>
                    <Table.Td>{track.x.length === 0 ? t('trends.empty') : t(track.recorded ? 'trends.recorded' : 'trends.windows', { count: track.x.length })}</Table.Td>
                  </Table.Tr>
                );
              })}</Table.Tbody>
            </Table>
          </Scroll>
        </Panel>
      )}
      <Corrected paths={paths} />
      {marks.length > 0 && <Panel mt="sm" title={t('trends.events')}><ul className="plain">{marks.slice(0, 30).map((mark) => <li key={`${mark.kind}${mark.at}${mark.text}`}>{{ alarm: '▲', stop: '■', order: '◆' }[mark.kind]} {f.when(mark.at)} · {t(`trends.${mark.kind}`)}: {mark.text}</li>)}</ul></Panel>}
    </>
  );
}

const lastOf = (track: Track): number | null => track.mean.findLast((one) => one !== null) ?? null;
const STROKES = ['', '8 4', '2 3', '10 3 2 3', '5 5', '12 4', '1 2', '6 2 1 2'];
const NAMES = ['#5f707d', '#0f6b8f', '#8a5a00', '#5b4a8a', '#2f6b3a', '#8a3a5b', '#51606b', '#6b5f2f'];
const Swatch = ({ track }: { track: Track }) => <svg width="26" height="8" aria-hidden><line x1="0" y1="4" x2="26" y2="4" stroke={NAMES[track.ink % 8]} strokeWidth="2.4" strokeDasharray={track.earlier ? '3 5' : STROKES[track.ink % 8]} /></svg>;

function Pick({ paths, onPick }: { paths: readonly string[]; onPick: (paths: string[]) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [wanted] = useDebouncedValue(text, 200);
  const found = useQuery(q.propertiesLike(wanted)).data?.items ?? [];
  const options = [...new Set([...paths, ...found.filter((one) => one.type !== 'string' && one.type !== 'json' && one.kind !== 'attribute').map((one) => one.path)])];
  return <MultiSelect label={t('trends.properties')} placeholder={t('trends.search')} searchable clearable clearButtonProps={{ 'aria-label': t('action.clear') }} maxValues={MOST} searchValue={text} onSearchChange={setText} filter={({ options: all }) => all} value={[...paths]} onChange={(next) => { onPick(next); setText(''); }} data={options} nothingFoundMessage={t('word.none')} data-pick />;
}

/** From and to, as the reader's own clock says them. */
function Moments({ span, onSet }: { span: { start: number; end: number }; onSet: (start: number, end: number) => void }) {
  const { t } = useTranslation();
  const local = (ms: number): string => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
  const set = (start: string, end: string) => { const [a, b] = [Date.parse(start), Date.parse(end)]; if (a < b) onSet(a, b); };
  return (
    <Group gap={4}>
      <TextInput type="datetime-local" step={1} aria-label={t('trends.from')} value={local(span.start)} onChange={(event) => set(event.currentTarget.value, local(span.end))} />
      <TextInput type="datetime-local" step={1} aria-label={t('trends.to')} value={local(span.end)} onChange={(event) => set(local(span.start), event.currentTarget.value)} />
    </Group>
  );
}

/** An engineer puts recorded values of this span right; what was computed from them follows. */
function Correct({ paths, span }: { paths: readonly string[]; span: { start: number; end: number } }) {
  const { t } = useTranslation();
  const may = useMay('compute.recompute');
  const [on, setOn] = useState<{ path: string; period: Period } | null>(null);
  if (!may || paths.length === 0) return null;
  const open = (path: string) => setOn({ path, period: { start: new Date(span.start).toISOString(), end: new Date(span.end).toISOString() } });
  return (
    <>
      <Menu>
        <Menu.Target><Button variant="default" leftSection={<IconEdit size={16} aria-hidden />} data-correct>{t('correct.open')}</Button></Menu.Target>
        <Menu.Dropdown>{paths.map((path) => <Menu.Item key={path} onClick={() => open(path)}>{path}</Menu.Item>)}</Menu.Dropdown>
      </Menu>
      {on && <CorrectDialog path={on.path} period={on.period} onClose={() => setOn(null)} />}
    </>
  );
}

function Download({ paths, span }: { paths: readonly string[]; span: { start: number; end: number } }) {
  const { t } = useTranslation();
  const save = async (path: string, form: 'csv' | 'parquet') => {
    const type = form === 'csv' ? 'text/csv' : 'application/vnd.apache.parquet';
    const query = { property: path, start: new Date(span.start).toISOString(), end: new Date(span.end).toISOString(), limit: 100_000 };
    const answer = await fetch(address('history', query), { headers: { Accept: type }, credentials: 'same-origin' });
    if (!answer.ok) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `${path.replaceAll('/', '_')}.${form}`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target><Button leftSection={<IconDownload size={16} aria-hidden />} disabled={!paths.length}>{t('trends.download')}</Button></Menu.Target>
      <Menu.Dropdown>{paths.flatMap((path) => (['csv', 'parquet'] as const).map((form) => <Menu.Item key={path + form} onClick={() => void save(path, form)}>{path.split('/').slice(-2).join('/')} · {form.toUpperCase()}</Menu.Item>))}</Menu.Dropdown>
    </Menu>
  );
}

/** Views by name in this browser; the address itself can be sent to anybody. */
function Saved({ search, onOpen }: { search: TrendSearch; onOpen: (view: TrendSearch) => void }) {
  const { t } = useTranslation();
  const [views, setViews] = useLocalStorage<Record<string, TrendSearch>>({ key: 'lineshaft-trends', defaultValue: {} });
  const [name, setName] = useState('');
  return (
    <Menu position="bottom-end" closeOnItemClick={false}>
      <Menu.Target><Button>{t('trends.saved')}</Button></Menu.Target>
      <Menu.Dropdown p="xs">
        {Object.entries(views).map(([one, view]) => <Group key={one} gap={4} wrap="nowrap"><Menu.Item onClick={() => onOpen(view)}>{one}</Menu.Item><Button size="compact-sm" aria-label={`${t('action.remove')}: ${one}`} onClick={() => setViews(Object.fromEntries(Object.entries(views).filter(([other]) => other !== one)))}>×</Button></Group>)}
        <form onSubmit={(event) => { event.preventDefault(); if (name.trim()) { setViews({ ...views, [name.trim()]: search }); setName(''); } }}>
          <Group gap={4} wrap="nowrap" mt={4}><TextInput aria-label={t('trends.name')} placeholder={t('trends.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} /><Button type="submit" disabled={!name.trim() || !search.p}>{t('trends.save')}</Button></Group>
        </form>
      </Menu.Dropdown>
    </Menu>
  );
}

/** What happened at the assets shown while it is shown: alarms, stops, work orders. */
function useMarks(paths: readonly string[], span: { start: number; end: number }): Mark[] {
  const title = useTitle();
  const places = useMemo(() => [...new Set(paths.map((path) => path.slice(0, path.lastIndexOf('/'))))], [paths]);
  const alarms = useQuery({ ...q.alarms('all'), enabled: places.length > 0 }).data?.items;
  const orders = useQuery({ ...q.orders, enabled: places.length > 0 }).data?.items;
  const period = { start: new Date(span.start).toISOString(), end: new Date(span.end).toISOString() };
  const stops = useQuery({ ...q.stops(places[0] ?? '', period), enabled: places.length > 0, refetchInterval: false }).data?.items;
  return useMemo(() => {
    const here = (asset: string): boolean => places.some((place) => place === asset || place.startsWith(`${asset}/`) || asset.startsWith(`${place}/`));
    const found: Mark[] = [];
    for (const one of alarms ?? []) if (one.raised && here(one.asset)) found.push({ at: Date.parse(one.raised), kind: 'alarm', text: one.name });
    for (const one of orders ?? []) if (here(one.asset)) found.push({ at: Date.parse(one.created), kind: 'order', text: `${one.number} ${title(one.title)}` });
    for (const one of stops ?? []) if (!one.micro) found.push({ at: Date.parse(one.start), kind: 'stop', text: `${one.asset} ${one.reason ?? one.state}` });
    return found.filter((mark) => mark.at >= span.start && mark.at <= span.end).sort((a, b) => a.at - b.at);
  }, [alarms, orders, stops, places, span, title]);
}
