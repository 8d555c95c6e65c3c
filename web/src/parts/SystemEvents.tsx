import { Box, Group, Text } from '@mantine/core';
import { IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import { useFormat } from '../format/useFormat';
import { Answer } from './Page';
import { Said } from './Said';

/** The house's own troubles (disk, clock, ledger, lag): never among the operator's alarms. */
export function SystemEvents() {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Answer of={useQuery(q.health)} empty={(health) => health.system_events.length === 0} none={t('system.calm')}>
      {(health) => (
        <Box className="rows">
          {health.system_events.map((event) => {
            const grave = !/info/i.test(event.severity);
            const Icon = grave ? IconAlertTriangle : IconInfoCircle;
            return (
              <Group key={event.key} wrap="nowrap" gap="sm" py={8} align="flex-start">
                <Icon size={20} aria-hidden color={grave ? 'var(--alarm-2)' : undefined} style={{ flex: 'none', marginTop: 2 }} />
                <Box style={{ minWidth: 0 }}>
                  <Text size="sm" fw={600} className="wrap"><Said text={event.message} /></Text>
                  {event.hint && <Text size="sm" className="wrap"><Said text={event.hint} /></Text>}
                  <Text size="xs" c="dimmed" className="wrap">{t(`severity.${event.severity}`, { defaultValue: event.severity })} · {event.key} · {f.when(event.at)}</Text>
                </Box>
              </Group>
            );
          })}
        </Box>
      )}
    </Answer>
  );
}
