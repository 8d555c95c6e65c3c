import { Badge, Box, Button, Group, Text } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { w, type Technician } from '../api/workshop';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { useTitle } from '../parts/titles';
import { TechnicianForm } from '../parts/TechnicianForm';
import { Link } from '@tanstack/react-router';

/** Who can do what, whose shift runs, and how much everybody has to do. */
export default function Technicians() {
  const { t } = useTranslation();
  const may = useMay('maintenance.technician');
  const [edit, setEdit] = useState<Technician | 'new' | null>(null);
  return (
    <>
      <PageHead title={t('nav.technicians')} sub={t('technician.sub')}>{may && <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setEdit('new')} data-add-technician>{t('technician.new')}</Button>}</PageHead>
      {edit && <TechnicianForm of={edit === 'new' ? null : edit} onClose={() => setEdit(null)} />}
      <Answer of={useQuery(w.technicians)} empty={(list) => list.items.length === 0} none={t('technician.none')}>
        {(list) => <Box className="machine-cards">{list.items.map((one) => <Card key={one.id} of={one} onEdit={may ? () => setEdit(one) : undefined} />)}</Box>}
      </Answer>
    </>
  );
}

function Card({ of: one, onEdit }: { of: Technician; onEdit: (() => void) | undefined }) {
  const { t } = useTranslation();
  const title = useTitle();
  const f = useFormat();
  const mine = (useQuery(q.orders).data?.items ?? []).filter((order) => order.assigned_to === one.name && !['done', 'verified', 'closed', 'cancelled', 'rejected'].includes(order.state));
  const full = one.share > 1;
  return (
    <Panel title={one.name} extra={<Group gap={6}>{!one.active && <Badge color="slate" variant="outline">{t('technician.left')}</Badge>}<Badge color="slate" variant={one.on_shift ? 'filled' : 'outline'}>{t(one.on_shift === null ? 'technician.unknown' : one.on_shift ? 'technician.on' : 'technician.off')}</Badge>{onEdit && <Button size="compact-sm" onClick={onEdit} aria-label={`${t('notify.change')}: ${one.name}`}>{t('notify.change')}</Button>}</Group>}>
      <Box className={full ? 'bullet over' : 'bullet'} role="img" aria-label={t('technician.load', { share: f.percent(one.share, 0) })}><i style={{ width: `${Math.min(100, one.share * 100)}%` }} /></Box>
      <Text size="sm" mt={4} fw={full ? 700 : 400}>{t('technician.hours', { hours: f.number(one.hours, 1), week: f.number(one.hours_per_week, 1) })}{one.unestimated > 0 ? ` · ${t('technician.guess', { count: one.unestimated })}` : ''}</Text>
      <Group gap={4} my={6}>{Object.entries(one.skills).map(([name, level]) => <Badge key={name} color="slate" variant="light" style={{ textTransform: 'none' }}>{t(`skill.${name}`, { defaultValue: name })} {level}</Badge>)}</Group>
      <Facts of={[[t('technician.shifts'), one.shifts.join(', ') || '–'], [t('technician.cost'), one.hourly_cost === null ? '–' : f.money(one.hourly_cost)]]} />
      <Box className="rows" mt={6}>{mine.map((order) => <Link key={order.id} to="/orders/$id" params={{ id: order.id }} className="row-link"><Text size="sm" className="wrap">{order.number} {title(order.title)}</Text></Link>)}</Box>
    </Panel>
  );
}
