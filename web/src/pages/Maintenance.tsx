import { Box, SegmentedControl, Select, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { w, type Figures } from '../api/workshop';
import { useFormat } from '../format/useFormat';
import { Codes } from '../parts/Codes';
import { Answer, PageHead, Panel } from '../parts/Page';

/** How well maintenance does, each figure with what it is made of; what is not defined is a dash that says why. */
export default function Maintenance() {
  const { t } = useTranslation();
  const assets = useQuery(q.assets).data?.items ?? [];
  const [days, setDays] = useState('90');
  const [asset, setAsset] = useState<string | null>(null);
  return (
    <>
      <PageHead title={t('nav.maintenance')} sub={t('maintenance.sub')}>
        <Select aria-label={t('word.asset')} placeholder={t('kpi.plant')} clearable searchable value={asset} onChange={setAsset} data={assets.map((one) => one.path)} clearButtonProps={{ 'aria-label': t('action.clear') }} />
        <SegmentedControl aria-label={t('window.label')} value={days} onChange={setDays} data={['30', '90', '365'].map((value) => ({ value, label: t('kpi.days', { count: Number(value) }) }))} />
      </PageHead>
      <Answer of={useQuery(w.figures(Number(days), asset))}>{(found) => <Cards of={found} />}</Answer>
      <Codes />
    </>
  );
}

function Cards({ of: found }: { of: Figures }) {
  const { t } = useTranslation();
  const f = useFormat();
  const pm = found.pm_compliance;
  return (
    <Box className="machine-cards" style={{ gridTemplateColumns: 'repeat(auto-fill, minmax(min(100%, 280px), 1fr))' }}>
      <Figure name="mttr" value={f.span(found.mttr.value_s)} why={found.mttr.why}>{t('kpi.mttrOf', { active: f.span(found.mttr.active_s), waiting: f.span(found.mttr.waiting_s), count: found.mttr.orders })}</Figure>
      <Figure name="mtbf" value={f.span(found.mtbf.value_s)} why={found.mtbf.why}>{t('kpi.failures', { count: found.mtbf.failures })}</Figure>
      <Figure name="pm" value={f.percent(pm.value)} why={pm.why}>{t('kpi.pmOf', { inTime: pm.in_time, late: pm.late, missed: pm.missed + pm.overdue })}</Figure>
      <Figure name="backlog" value={found.backlog.weeks === null ? '–' : t('kpi.weeks', { weeks: f.number(found.backlog.weeks, 1) })} why={found.backlog.why}>{t('kpi.backlogOf', { hours: f.number(found.backlog.hours, 1), count: found.backlog.orders, unestimated: found.backlog.unestimated })}</Figure>
      <Figure name="planned" value={f.percent(found.planned_share.value)} why={found.planned_share.why}>{t('kpi.ofOrders', { part: found.planned_share.planned, count: found.planned_share.orders })}</Figure>
      <Figure name="first" value={f.percent(found.first_time_fix.value)} why={found.first_time_fix.why}>{t('kpi.ofOrders', { part: found.first_time_fix.fixed, count: found.first_time_fix.orders })}</Figure>
      <Figure name="stock" value={f.number(found.stock_outs.value)}>{found.stock_outs.out_now.length > 0 ? <>{t('kpi.outNow')}: {found.stock_outs.out_now.map((part) => <Link key={part} to="/spares" search={{ part }} className="tap">{part}&nbsp;</Link>)}</> : t('kpi.noneOut')}</Figure>
      <Figure name="late" value={f.number(found.late.value)}>{t('kpi.lateOf', { count: found.late.open })}</Figure>
    </Box>
  );
}

function Figure({ name, value, why, children }: { name: string; value: string; why?: string | undefined; children?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <Panel title={t(`kpi.${name}`)}>
      <Text fz={28} fw={600} data-figure={name}>{value}</Text>
      <Text size="sm" component="div">{children}</Text>
      {why && <Text size="xs" c="dimmed">{t(`kpiWhy.${why.split(':')[0]?.replaceAll(/[^a-z0-9]+/gi, '-')}`, { defaultValue: why })}</Text>}
      <Text size="xs" c="dimmed" mt={4}>{t(`kpiHow.${name}`)}</Text>
    </Panel>
  );
}
