import { Button, Group, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { HeardModel, ModelVersion } from '../api/models';

/** Where a version works: at an edge node, whose alerts become findings here, or at this node; and where else it runs. */
export function ModelPlace({ of: one, active, heard, onMove }: { of: ModelVersion; active: boolean; heard: HeardModel[]; onMove?: (place: string) => void }) {
  const { t } = useTranslation();
  const there = heard.find((each) => each.source === one.place);
  const others = heard.filter((each) => each.number === one.number && each.source !== one.place);
  if (one.place === '' && others.length === 0) return null;
  return (
    <Group gap="xs" mt={4}>
      {one.place !== '' && <Text size="sm" className="wrap">{t(active ? 'models.place.at' : 'models.place.waits', { source: one.place })}</Text>}
      {one.place !== '' && there?.number !== one.number && <Text size="sm" className="wrap"><IconAlertTriangle size={14} aria-hidden /> {there ? t('models.place.other', { number: there.number }) : t('models.place.silent')}</Text>}
      {one.place === '' && others.map((each) => <Text key={each.source} size="sm" className="wrap">{t('models.place.runs', { source: each.source })}</Text>)}
      {onMove && others.map((each) => <Button key={each.source} size="compact-sm" variant="default" onClick={() => onMove(each.source)}>{t('models.place.move', { source: each.source })}</Button>)}
      {onMove && one.place !== '' && <Button size="compact-sm" variant="default" onClick={() => onMove('')}>{t('models.place.here')}</Button>}
    </Group>
  );
}
