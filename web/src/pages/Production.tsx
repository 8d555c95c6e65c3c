import { Badge, Button, Group, Select, Table, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { made } from '../api/production';
import { q, useCommand } from '../api/queries';
import type { Lot } from '../api/types';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Bullet } from '../parts/Bullet';
import { AskReason } from '../parts/Confirm';
import { Feeds } from '../parts/Feeds';
import { LineFigures, Throughput } from '../parts/LineFigures';
import { Answer, PageHead, Panel } from '../parts/Page';
import { QualityForm } from '../parts/QualityForm';
import { RunningOrder } from '../parts/RunningOrder';
import { Scroll } from '../parts/Scroll';
import '../theme/production.css';

const HOUR = 3_600_000;
const WINDOWS: Record<string, number> = { '8h': 8 * HOUR, '24h': 24 * HOUR, '7d': 168 * HOUR, '30d': 720 * HOUR };

/** What is being made, for whom and until when; which lots went in; what quality said; where all that comes from. */
export default function Production() {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<string | null>(null);
  const [window, setWindow] = useState('24h');
  const [entering, setEntering] = useState(false);
  const mayEnter = useMay('production.quality');
  const lines = (useQuery(q.assets).data?.items ?? []).filter((one) => one.level === 'line' || one.constraint);
  const line = chosen ?? lines[0]?.path ?? '';
  const ms = WINDOWS[window] ?? 24 * HOUR;
  const figures = useQuery(made.figures(line, ms));
  const running = useQuery(made.running(line, ms));
  const feeds = useQuery(made.feeds);
  return (
    <>
      <PageHead title={t('nav.production')} sub={t('production.sub')}>
        <Select aria-label={t('production.line')} allowDeselect={false} value={line || null} onChange={setChosen} data={lines.map((one) => one.path)} w={190} />
        <Select aria-label={t('window.label')} allowDeselect={false} value={window} onChange={(value) => value && setWindow(value)} data={Object.keys(WINDOWS).map((value) => ({ value, label: t(`production.window.${value}`) }))} w={140} />
      </PageHead>
      {line && <Panel title={t('production.figures')}><Answer of={figures}>{(found) => <LineFigures of={found} />}</Answer></Panel>}
      {line && <Panel title={t('production.timeline')} mt="sm"><Answer of={running}>{(found) => <RunningOrder of={found} window={ms} />}</Answer></Panel>}
      <Panel title={t('production.orders')} pad={false} mt="sm"><Orders /></Panel>
      {line && <Panel title={t('production.throughput')} pad={false} mt="sm"><Answer of={figures}>{(found) => <Throughput of={found} />}</Answer></Panel>}
      <Panel title={t('production.lots')} pad={false} mt="sm"><Lots line={line} /></Panel>
      <Panel title={t('production.quality')} pad={false} mt="sm" extra={mayEnter && <Button size="compact-md" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setEntering(true)}>{t('production.enter')}</Button>}><Quality /></Panel>
      <Panel title={t('feed.title')} pad={false} mt="sm"><Answer of={feeds} empty={(list) => list.items.length === 0} none={t('feed.none')}>{(list) => <Feeds of={list.items} />}</Answer></Panel>
      {entering && <QualityForm onClose={() => setEntering(false)} />}
    </>
  );
}

const dueState = (line: { due: string | null; delivered: number; quantity: number; delivered_at: string | null }): 'whole' | 'wholeLate' | 'late' | 'soon' | 'open' => {
  const due = line.due ? Date.parse(line.due) : Infinity;
  if (line.delivered >= line.quantity) return line.delivered_at && Date.parse(line.delivered_at) > due ? 'wholeLate' : 'whole';
  if (due < Date.now()) return 'late';
  return due < Date.now() + 24 * HOUR ? 'soon' : 'open';
};

function Orders() {
  const { t } = useTranslation();
  const f = useFormat();
  const narrow = useMediaQuery('(max-width: 48em)') ?? false;
  return (
    <Answer of={useQuery(q.productionOrders)} empty={(list) => list.items.length === 0} none={t('production.none')}>
      {(list) => (
        <Scroll minWidth={narrow ? 300 : 680}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{t('word.number')}</Table.Th>{!narrow && <><Table.Th>{t('production.customer')}</Table.Th><Table.Th>{t('production.product')}</Table.Th></>}<Table.Th className="figure">{t('spare.quantity')}</Table.Th>{!narrow && <Table.Th>{t('production.delivered')}</Table.Th>}<Table.Th>{t('order.due')}</Table.Th>{!narrow && <Table.Th>{t('word.state')}</Table.Th>}</Table.Tr></Table.Thead>
            <Table.Tbody>
              {list.items.flatMap((order) => order.lines.map((line) => (
                <Table.Tr key={`${order.id}/${line.line}`}>
                  <Table.Td className="nowrap"><strong>{order.number}</strong>{order.lines.length > 1 ? ` / ${line.line}` : ''}{narrow && <Text size="xs" c="dimmed">{line.product}</Text>}</Table.Td>
                  {!narrow && <><Table.Td>{order.customer || '–'}</Table.Td><Table.Td>{line.product}</Table.Td></>}
                  <Table.Td className="figure">{f.number(line.quantity)}{narrow && <Text size="xs" c="dimmed">{f.percent(line.quantity ? line.delivered / line.quantity : null)}</Text>}</Table.Td>
                  {!narrow && <Table.Td miw={120}><Text size="xs">{f.number(line.delivered)}</Text><Bullet value={line.quantity ? line.delivered / line.quantity : null} target={1} label={t('production.delivered')} /></Table.Td>}
                  <Table.Td className="nowrap">{f.when(line.due)}<Text size="xs" fw={dueState(line) === 'late' ? 700 : 400} data-due={dueState(line)}>{t(`due.${dueState(line)}`)}</Text></Table.Td>
                  {!narrow && <Table.Td><Badge color="slate" variant="outline">{t(`productionState.${order.state}`, { defaultValue: order.state })}</Badge></Table.Td>}
                </Table.Tr>
              )))}
            </Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Answer>
  );
}

function Lots({ line }: { line: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [open, setOpen] = useState<string | null>(null);
  const [hold, setHold] = useState<Lot | null>(null);
  const may = useMay('cases.request');
  const ask = useCommand((reason: string) => post('cases', { process: 'quality-hold', asset: line, lot: hold?.number, name: reason, reason }), ['cases', 'approvals', 'tower'], () => { setHold(null); report(t('production.holdAsked')); });
  return (
    <>
    {hold && <AskReason title={`${t('production.hold')}: ${hold.number}`} label={t('word.reason')} need confirm={t('production.hold')} busy={ask.isPending} onClose={() => setHold(null)} onDone={(reason) => ask.mutate(reason)} />}
    <Answer of={useQuery(q.lots)} empty={(list) => list.items.length === 0} none={t('production.noLots')}>
      {(list) => (
        <Scroll minWidth={560}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{t('word.number')}</Table.Th><Table.Th>{t('production.material')}</Table.Th><Table.Th className="figure">{t('spare.quantity')}</Table.Th><Table.Th>{t('production.parents')}</Table.Th><Table.Th>{t('word.state')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{list.items.flatMap((lot) => [
              <Table.Tr key={lot.id}>
                <Table.Td>{lot.number}</Table.Td><Table.Td>{lot.material || '–'}</Table.Td><Table.Td className="figure">{f.number(lot.quantity)} {lot.unit}</Table.Td><Table.Td>{lot.parents.join(', ') || '–'}</Table.Td><Table.Td>{t(`lotState.${lot.state}`, { defaultValue: lot.state })}</Table.Td>
                <Table.Td className="figure"><Button size="compact-sm" aria-expanded={open === lot.id} aria-label={`${t('production.genealogy')}: ${lot.number}`} onClick={() => setOpen(open === lot.id ? null : lot.id)} data-genealogy={lot.number}>{t('production.genealogy')}</Button>{may && line && lot.state === 'free' && <Button size="compact-sm" ml={6} aria-label={`${t('production.hold')}: ${lot.number}`} onClick={() => setHold(lot)} data-hold={lot.number}>{t('production.hold')}</Button>}</Table.Td>
              </Table.Tr>,
              ...(open === lot.id ? [<Table.Tr key={`${lot.id}/kin`}><Table.Td colSpan={6}><Kin lot={lot} /></Table.Td></Table.Tr>] : []),
            ])}</Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Answer>
    </>
  );
}

/** Everything a lot came from and everything it went into, through all steps. */
function Kin({ lot }: { lot: Lot }) {
  const { t } = useTranslation();
  const chips = (lots: readonly string[]) => (lots.length ? <Group gap={4}>{lots.map((one) => <Badge key={one} color="slate" variant="outline" tt="none">{one}</Badge>)}</Group> : '–');
  return (
    <Answer of={useQuery(made.genealogy(lot.number))}>
      {(kin) => <dl className="facts"><dt>{t('production.madeFrom')}</dt><dd>{chips(kin.made_from)}</dd><dt>{t('production.wentInto')}</dt><dd>{chips(kin.went_into)}</dd></dl>}
    </Answer>
  );
}

function Quality() {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Answer of={useQuery(q.quality)} empty={(list) => list.items.length === 0} none={t('production.noQuality')}>
      {(list) => (
        <Scroll minWidth={560}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{t('tower.at')}</Table.Th><Table.Th>{t('production.check')}</Table.Th><Table.Th>{t('production.of')}</Table.Th><Table.Th className="figure">{t('machine.value')}</Table.Th><Table.Th>{t('word.state')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{list.items.map((one) => <Table.Tr key={one.id}><Table.Td className="nowrap">{f.when(one.at)}</Table.Td><Table.Td>{one.check}</Table.Td><Table.Td>{one.lot ?? one.order ?? one.machine ?? '–'}</Table.Td><Table.Td className="figure">{f.number(one.value)} {one.unit}</Table.Td><Table.Td>{t(one.passed ? 'order.passed' : 'order.failed')}</Table.Td></Table.Tr>)}</Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Answer>
  );
}
