/** Alarms that came together in one area: the first of them is the likely cause, the others what followed. */
import { Box, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { al } from '../api/alarms';
import { useFormat } from '../format/useFormat';
import { Panel } from './Page';
import { Prio } from './Prio';

export function FirstOut({ onChoose }: { onChoose: (id: string) => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const groups = useQuery(al.groups).data?.items ?? [];
  if (!groups.length) return null;
  return (
    <Panel title={t('firstOut.title')}>
      <Box className="rows" data-first-out>
        {groups.map((group) => {
          const [first, ...rest] = group.alarms;
          if (!first) return null;
          return (
            <Box key={`${group.area} ${group.start}`} py={6}>
              <Group gap={8} wrap="nowrap" align="flex-start">
                <Prio p={first.priority} />
                <Box style={{ minWidth: 0 }}>
                  <button type="button" className="focusable" style={{ all: 'unset', cursor: 'pointer', fontWeight: 700 }} onClick={() => onChoose(first.id)}>{first.name}</button>
                  <Text size="sm" c="dimmed" className="wrap">{t('firstOut.first', { area: group.area, when: f.when(group.start) })}</Text>
                  <Text size="sm">{t('firstOut.then', { count: group.count - 1 })} {rest.map((one, at) => <span key={one.id}>{at > 0 && ', '}<button type="button" className="focusable" style={{ all: 'unset', cursor: 'pointer', textDecoration: 'underline' }} onClick={() => onChoose(one.id)}>{one.name}</button></span>)}{group.count > group.alarms.length && ' …'}</Text>
                </Box>
              </Group>
            </Box>
          );
        })}
      </Box>
    </Panel>
  );
}
