import { Box, Button, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { useCommand } from '../api/queries';
import type { Purchase } from '../api/types';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';

/** How a purchase stands at the ERP: its number and state there, what hinders it, when it is tried again. */
export function AtErp({ purchase }: { purchase: Purchase }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('purchases.order');
  const retry = useCommand(() => post(`purchases/${purchase.id}/retry`, {}), ['purchases'], () => report(t('erp.asked')));
  const at = purchase.erp;
  if (!at) return <>–</>;
  return (
    <Box maw={320} data-erp={purchase.number}>
      <Text size="sm" className="wrap">{purchase.reference ? `${at.system} ${purchase.reference}` : t('erp.onItsWay', { system: at.system })}</Text>
      {at.text && at.text !== purchase.reference && <Text size="xs" c="dimmed" className="wrap">{at.text}</Text>}
      {at.error && (
        <Text size="xs" component="div" className="wrap" role="status" c="var(--alarm-2)" fw={600}><IconAlertTriangle size={14} aria-hidden /> {t('erp.failed', { count: at.attempts })}: {at.error}{at.hint && ` – ${at.hint}`}</Text>
      )}
      {at.error && at.next_at && <Text size="xs" c="dimmed">{t('erp.next')} {f.when(at.next_at)}</Text>}
      {may && (at.error || at.next_at) && <Button size="compact-sm" mt={4} loading={retry.isPending} onClick={() => retry.mutate(undefined)}>{t(at.error ? 'erp.retry' : 'erp.ask')}</Button>}
    </Box>
  );
}
