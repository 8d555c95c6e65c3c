import { Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { w, type FullOrder } from '../api/workshop';
import { useFormat } from '../format/useFormat';
import { OrderDryRun } from './DryRun';
import { Facts, Panel } from './Page';
import { Said } from './Said';

/** How the order stands in the other maintenance system, where there is one, and what sending or asking would change. */
export function Elsewhere({ order }: { order: FullOrder }) {
  const { t } = useTranslation();
  const f = useFormat();
  const there = useQuery(w.partner(order.id)).data;
  if (!there) return null;
  return (
    <Panel title={t('partner.title')}>
      <Facts of={[
        [t('partner.system'), there.system],
        [t('partner.reference'), there.reference || t('partner.notSent')],
        [t('word.state'), there.state ? t(`partnerState.${there.state}`, { defaultValue: there.state }) : '–'],
        [t('partner.says'), there.text || '–'],
      ]} />
      {there.error && <Text size="sm" component="div" className="wrap" c="var(--alarm-2)" fw={600}><IconAlertTriangle size={14} aria-hidden /> <Said text={there.error} />{there.next_at && ` · ${t('erp.next')} ${f.when(there.next_at)}`}</Text>}
      <OrderDryRun id={order.id} />
    </Panel>
  );
}
