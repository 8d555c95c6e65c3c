import { Group, Text } from '@mantine/core';
import { IconCode, IconKey, IconRobot, IconRulerMeasure, IconServer2, IconUser } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { ActorKind } from '../api/types';

const ICONS = { person: IconUser, token: IconKey, rule: IconRulerMeasure, script: IconCode, agent: IconRobot, system: IconServer2 } as const;

/** A rule's or the system's own name in the reader's words; people and what a plant named itself keep theirs. */
export function useWho(): (name: string | null) => string {
  const { t } = useTranslation();
  return (name) => (name ? t(`ruleName.${name}`, { defaultValue: name }) : '–');
}

/** Who or what did it: a person, a rule, an agent... as icon and word. */
export function Actor({ name, kind }: { name: string | null; kind: ActorKind | null }) {
  const { t } = useTranslation();
  const who = useWho();
  const Icon = ICONS[kind ?? 'system'] ?? IconServer2;
  return (
    <Group gap={6} wrap="nowrap" component="span" display="inline-flex">
      <Icon size={18} stroke={1.7} aria-hidden style={{ flex: 'none' }} />
      <Text component="span" size="sm" className="wrap">{kind === 'rule' || kind === 'system' ? who(name) : (name ?? '–')} <Text component="span" size="xs" c="dimmed">{t(`actor.${kind ?? 'system'}`)}</Text></Text>
    </Group>
  );
}
