import { Badge, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { useFormat } from '../format/useFormat';
import { Bullet } from '../parts/Bullet';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

/** What is being made, for whom and until when; which lots went in. */
export default function Production() {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <>
      <PageHead title={t('nav.production')} sub={t('production.sub')} />
      <Panel title={t('production.orders')} pad={false}>
        <Answer of={useQuery(q.productionOrders)} empty={(list) => list.items.length === 0} none={t('production.none')}>
          {(list) => (
            <Scroll minWidth={640}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>{t('word.number')}</Table.Th><Table.Th>{t('production.product')}</Table.Th><Table.Th>{t('production.where')}</Table.Th><Table.Th className="figure">{t('spare.quantity')}</Table.Th><Table.Th>{t('production.delivered')}</Table.Th><Table.Th>{t('order.due')}</Table.Th><Table.Th>{t('word.state')}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {list.items.map((one) => {
                    const quantity = one.quantity ?? one.lines?.reduce((sum, line) => sum + line.quantity, 0);
                    const delivered = one.delivered ?? one.lines?.reduce((sum, line) => sum + (line.delivered ?? 0), 0);
                    return (
                      <Table.Tr key={one.id}>
                        <Table.Td className="nowrap"><strong>{one.number ?? one.id}</strong></Table.Td>
                        <Table.Td>{one.product ?? one.lines?.map((line) => line.product).join(', ') ?? '–'}</Table.Td>
                        <Table.Td>{one.asset ?? one.line ?? '–'}</Table.Td>
                        <Table.Td className="figure">{f.number(quantity)}</Table.Td>
                        <Table.Td miw={120}>{quantity && delivered !== undefined ? <><Text size="xs">{f.number(delivered)}</Text><Bullet value={delivered / quantity} target={1} label={t('production.delivered')} /></> : '–'}</Table.Td>
                        <Table.Td className="nowrap">{f.when(one.due ?? one.end ?? one.lines?.[0]?.due)}</Table.Td>
                        <Table.Td>{one.state ? <Badge color="slate" variant="outline">{t(`productionState.${one.state}`, { defaultValue: one.state })}</Badge> : '–'}</Table.Td>
                      </Table.Tr>
                    );
                  })}
                </Table.Tbody>
              </Table>
            </Scroll>
          )}
        </Answer>
      </Panel>
      <Panel title={t('production.lots')} pad={false} mt="sm">
        <Answer of={useQuery(q.lots)} empty={(list) => list.items.length === 0} none={t('production.noLots')}>
          {(list) => (
            <Scroll minWidth={480}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>{t('word.number')}</Table.Th><Table.Th>{t('production.product')}</Table.Th><Table.Th className="figure">{t('spare.quantity')}</Table.Th><Table.Th>{t('production.parents')}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>{list.items.map((one) => <Table.Tr key={one.id}><Table.Td>{one.number ?? one.id}</Table.Td><Table.Td>{one.product ?? one.material ?? '–'}</Table.Td><Table.Td className="figure">{f.number(one.quantity)}</Table.Td><Table.Td>{one.parents?.join(', ') || '–'}</Table.Td></Table.Tr>)}</Table.Tbody>
              </Table>
            </Scroll>
          )}
        </Answer>
      </Panel>
    </>
  );
}
