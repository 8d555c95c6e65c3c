import { ActionIcon, Badge, Group, Slider, Text } from '@mantine/core';
import { IconPlayerTrackNext, IconPlayerTrackPrev } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { a, type Step } from '../api/agents';
import { useFormat } from '../format/useFormat';
import { Actor } from './Actor';
import { Deed, Outcome } from './Deed';
import { Answer, Panel } from './Page';

/** A case step by step: what was done, and how its tasks stood then. */
export function Replay({ id }: { id: string }) {
  const { t } = useTranslation();
  return (
    <Panel mt="sm" title={t('replay.title')}>
      <Answer of={useQuery(a.replay(id))} empty={(list) => list.items.length === 0}>{(list) => <Steps of={list.items} />}</Answer>
    </Panel>
  );
}

function Steps({ of }: { of: Step[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [at, setAt] = useState(of.length);
  const step = of[Math.min(at, of.length) - 1]!;
  const go = (next: number) => setAt(Math.max(1, Math.min(of.length, next)));
  return (
    <div data-replay={step.number}>
      <Group gap="xs" wrap="nowrap">
        <ActionIcon aria-label={t('replay.back')} disabled={step.number === 1} onClick={() => go(step.number - 1)} data-replay-back><IconPlayerTrackPrev size={18} aria-hidden /></ActionIcon>
        <Slider style={{ flex: 1 }} thumbLabel={t('replay.title')} min={1} max={Math.max(2, of.length)} value={step.number} onChange={go} label={null} color="slate" />
        <ActionIcon aria-label={t('replay.next')} disabled={step.number === of.length} onClick={() => go(step.number + 1)}><IconPlayerTrackNext size={18} aria-hidden /></ActionIcon>
      </Group>
      <Text size="xs" c="dimmed" mt={6}>{t('replay.step', { number: step.number, count: of.length })} · {f.when(step.at)}</Text>
      <Group gap="sm" mt={4}><Actor name={step.actor} kind={step.actor_kind} />{step.kind === 'call' ? <Text size="sm" span>{step.what === 'asked the model' ? t('agents.asked') : `${t('agents.tool')}: ${step.what.replace(/^used /, '')}`}</Text> : <Deed of={{ ...step, case_id: null, asset: null }} />}</Group>
      <Text size="sm" component="div"><Outcome of={step.outcome} />{step.tokens > 0 && ` · ${f.number(step.tokens)} ${t('agents.tokens')}`}</Text>
      <Group gap={6} mt={8}>{Object.entries(step.tasks).map(([name, state]) => <Badge key={name} variant="outline" color="slate" style={{ opacity: state === 'ahead' ? 0.75 : 1 }}>{t(`task.${name}`, { defaultValue: name })}: {t(`look.${state === 'open' ? 'now' : state === 'ahead' || state === 'done' || state === 'skipped' ? state : 'failed'}`)}</Badge>)}</Group>
    </div>
  );
}
