import { Box, Button, Group, Menu, Select, Text } from '@mantine/core';
import { IconDownload, IconHelpCircle, IconHistory, IconPlayerPlay, IconPlayerStop } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem, ask, download } from '../api/client';
import { q } from '../api/queries';
import type { SqlAnswer } from '../api/types';
import { complain, explain } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Grid } from '../parts/Grid';
import { PageHead, Panel } from '../parts/Page';
import { Trouble } from '../parts/Trouble';

const SqlEditor = lazy(() => import('../parts/SqlEditor'));
const KEPT = 'lineshaft.sql';
const MOST_KEPT = 40;
const LIMITS = ['1000', '10000', '100000'];
const FIRST = `SELECT property, count(*) AS n, avg(value) AS average, max(ts) AS newest
FROM samples
WHERE ts > now() - INTERVAL 1 HOUR AND quality = 'good'
GROUP BY property
ORDER BY property`;

/** What was asked on this computer, newest first; a browser that keeps nothing keeps nothing. */
export function remembered(): string[] {
  try {
    const kept: unknown = JSON.parse(window.localStorage.getItem(KEPT) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one): one is string => typeof one === 'string').slice(0, MOST_KEPT) : [];
  } catch {
    return [];
  }
}

export const withNew = (kept: readonly string[], sql: string): string[] => [sql, ...kept.filter((one) => one !== sql)].slice(0, MOST_KEPT);

/** One question over everything the plant knows; the answer is a table. */
export default function Sql() {
  const { t } = useTranslation();
  const f = useFormat();
  const asked = useSearch({ strict: false }).sql;
  const may = useMay('sql.query');
  const [kept, setKept] = useState(remembered);
  const [text, setText] = useState(asked ?? kept[0] ?? FIRST);
  const [limit, setLimit] = useState('1000');
  const stop = useRef<AbortController | null>(null);
  const { data: book } = useQuery(q.catalog);
  const { data: ready } = useQuery(q.questions);
  const tables = useMemo(() => Object.fromEntries((book?.items ?? []).map((one) => [one.name, one.columns.map((column) => column.name)])), [book]);
  const run = useMutation({
    mutationFn: async (sql: string) => {
      const control = new AbortController();
      stop.current = control;
      return { sql, ...(await ask<SqlAnswer>('sql', { method: 'POST', body: { sql, limit: Number(limit) }, signal: control.signal })) };
    },
    onMutate: (sql) => {
      const next = withNew(kept, sql);
      setKept(next);
      try {
        window.localStorage.setItem(KEPT, JSON.stringify(next));
      } catch { /* nothing is kept then */ }
    },
  });
  const save = useMutation({ mutationFn: (sql: string) => download('sql', { sql, limit: 1_000_000 }, 'text/csv', 'lineshaft.csv'), onError: complain });
  useEffect(() => { if (asked) setText(asked); }, [asked]);
  useEffect(() => () => stop.current?.abort(), []);
  const start = useCallback(() => { if (text.trim() && !run.isPending && may) run.mutate(text); }, [text, run, may]);
  const gone = run.error instanceof DOMException;
  const place = run.error instanceof ApiProblem ? run.error.problem.position ?? null : null;
  return (
    <>
      <PageHead title={t('nav.sql')} sub={t('sql.sub')}>
        <Select aria-label={t('sql.limit')} w={160} allowDeselect={false} value={limit} onChange={(value) => value && setLimit(value)} data={LIMITS.map((value) => ({ value, label: t('sql.rowsMost', { rows: f.number(Number(value)) }) }))} />
        <Menu position="bottom-end" width={340}>
          <Menu.Target><Button leftSection={<IconHelpCircle size={16} aria-hidden />} disabled={!ready?.items.length} data-questions>{t('sql.questions')}</Button></Menu.Target>
          <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>{(ready?.items ?? []).map((one) => <Menu.Item key={one.name} onClick={() => { setText(one.sql); if (may) run.mutate(one.sql); }} style={{ whiteSpace: 'normal' }}>{t(`question.${one.name}`)}</Menu.Item>)}</Menu.Dropdown>
        </Menu>
        <Menu position="bottom-end" width={420}>
          <Menu.Target><Button leftSection={<IconHistory size={16} aria-hidden />} disabled={kept.length === 0}>{t('sql.history')}</Button></Menu.Target>
          <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>{kept.map((one) => <Menu.Item key={one} onClick={() => setText(one)}><Text size="xs" className="mono" lineClamp={2}>{one}</Text></Menu.Item>)}</Menu.Dropdown>
        </Menu>
        {run.isPending
          ? <Button leftSection={<IconPlayerStop size={16} aria-hidden />} onClick={() => stop.current?.abort()} data-stop>{t('action.cancel')}</Button>
          : <Button variant="filled" leftSection={<IconPlayerPlay size={16} aria-hidden />} onClick={start} disabled={!may || !text.trim()} title={t('sql.keys')} data-run>{t('sql.run')}</Button>}
      </PageHead>
      {!may && <Text size="sm" fw={600} mb="sm" role="status">{t('sql.notMay')}</Text>}
      <Suspense fallback={<Box h={150} className="card" data-waiting />}>
        <SqlEditor value={text} onChange={setText} onRun={start} tables={tables} error={place} label={t('sql.editor')} hint={t('sql.hint')} />
      </Suspense>
      <Text size="xs" c="dimmed" mt={4} visibleFrom="sm">{t('sql.keys')}</Text>
      <Box mt="sm" aria-live="polite">
        {run.isPending && <Text size="sm" c="dimmed" role="status">{t('sql.running')}</Text>}
        {run.isError && (gone ? <Text size="sm" role="status">{t('sql.stopped')}</Text> : <Wrong error={run.error} />)}
        {run.isSuccess && <Result answer={run.data} saving={save.isPending} onSave={() => save.mutate(run.data.sql)} />}
      </Box>
    </>
  );
}

function Wrong({ error }: { error: unknown }) {
  const { title, detail, hint } = explain(error);
  const { t } = useTranslation();
  const said = error instanceof ApiProblem ? error.problem : undefined;
  const where = said?.line ? t('sql.place', { line: said.line, column: said.column }) : '';
  return <Trouble title={title} detail={[where, detail].filter(Boolean).join(': ')} hint={hint} />;
}

function Result({ answer, saving, onSave }: { answer: SqlAnswer; saving: boolean; onSave: () => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const said = `${t('sql.rows', { count: answer.rows.length, rows: f.number(answer.rows.length) })} · ${f.number(answer.elapsed_ms, 0)} ms`;
  return (
    <Panel pad={false} title={said} extra={<Group gap="xs">{answer.truncated && <Text size="sm" fw={600}>{t('sql.more')}</Text>}<Button leftSection={<IconDownload size={16} aria-hidden />} loading={saving} onClick={onSave}>CSV</Button></Group>}>
      {answer.rows.length > 0 ? <Grid columns={answer.columns} rows={answer.rows} /> : <Text c="dimmed" p="md">{t('sql.none')}</Text>}
    </Panel>
  );
}
