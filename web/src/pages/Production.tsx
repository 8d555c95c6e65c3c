import { Badge, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { useFormat } from '../format/useFormat';
import { Bullet } from '../parts/Bullet';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

/** What is being made, for whom and until when; which lots went in; what quality said. */
export default function Production() {
  const { t } = useTranslation();
  return (
    <>
      <PageHead title={t('nav.production')} sub={t('production.sub')} />
      <Panel title={t('production.orders')} pad={false}><Orders /></Panel>
      <Panel title={t('production.lots')} pad={false} mt="sm"><Lots /></Panel>
      <Panel title={t('production.quality')} pad={false} mt="sm"><Quality /></Panel>
    </>
  );
}

function Orders() {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Answer of={useQuery(q.productionOrders)} empty={(list) => list.items.length === 0} none={t('production.none')}>
      {(list) => (
        <Scroll minWidth={680}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{t('word.number')}</Table.Th><Table.Th>{t('production.customer')}</Table.Th><Table.Th>{t('production.product')}</Table.Th><Table.Th className="figure">{t('spare.quantity')}</Table.Th><Table.Th>{t('production.delivered')}</Table.Th><Table.Th>{t('order.due')}</Table.Th><Table.Th>{t('word.state')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {list.items.flatMap((order) => order.lines.map((line) => (
                <Table.Tr key={`${order.id}/${line.line}`}>
                  <Table.Td className="nowrap"><strong>{order.number}</strong>{order.lines.length > 1 ? ` / ${line.line}` : ''}</Table.Td>
                  <Table.Td>{order.customer || '–'}</Table.Td>
                  <Table.Td>{line.product}</Table.Td>
                  <Table.Td className="figure">{f.number(line.quantity)}</Table.Td>
                  <Table.Td miw={120}><Text size="xs">{f.number(line.delivered)}</Text><Bullet value={line.quantity ? line.delivered / line.quantity : null} target={1} label={t('production.delivered')} /></Table.Td>
                  <Table.Td className="nowrap">{f.when(line.due)}</Table.Td>
                  <Table.Td><Badge color="slate" variant="outline">{t(`productionState.${order.state}`, { defaultValue: order.state })}</Badge></Table.Td>
                </Table.Tr>
              )))}
            </Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Answer>
  );
}

function Lots() {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Answer of={useQuery(q.lots)} empty={(list) => list.items.length === 0} none={t('production.noLots')}>
      {(list) => (
        <Scroll minWidth={480}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{t('word.number')}</Table.Th><Table.Th>{t('production.material')}</Table.Th><Table.Th className="figure">{t('spare.quantity')}</Table.Th><Table.Th>{t('production.parents')}</Table.Th><Table.Th>{t('word.state')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{list.items.map((lot) => <Table.Tr key={lot.id}><Table.Td>{lot.number}</Table.Td><Table.Td>{lot.material}</Table.Td><Table.Td className="figure">{f.number(lot.quantity)} {lot.unit}</Table.Td><Table.Td>{lot.parents.join(', ') || '–'}</Table.Td><Table.Td>{t(`lotState.${lot.state}`, { defaultValue: lot.state })}</Table.Td></Table.Tr>)}</Table.Tbody>
          </Table>
        </Scroll>
      )}
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
