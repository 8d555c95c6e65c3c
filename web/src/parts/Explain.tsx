/** Where a figure comes from: every stretch of time with the value and the plan behind it, every count with its readings. */
import { Select, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';
import type { Explained, Period } from '../api/types';
import { useFormat } from '../format/useFormat';
import { Answer, Panel } from './Page';
import { Scroll } from './Scroll';

const MOST = 200;

export function Explain({ path, period, model }: { path: string; period: Period; model: string | null }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<string | null>(null);
  const found = useQuery(q.explained(path, period, model));
  const steps = found.data?.explain ?? [];
  const elements = [...new Set(steps.map((step) => step.element))];
  const choice = <Select size="xs" aria-label={t('explain.element')} placeholder={t('explain.all')} clearable clearButtonProps={{ 'aria-label': t('action.clear') }} w={190} value={chosen} onChange={setChosen} data={elements.map((value) => ({ value, label: t(`element.${value}`, { defaultValue: value }) }))} />;
  return (
    <Panel title={t('explain.title')} pad={false} extra={choice}>
      <Answer of={found} empty={() => steps.length === 0} none={t('explain.none')}>
        {() => <Steps of={steps.filter((step) => chosen === null || step.element === chosen)} />}
      </Answer>
    </Panel>
  );
}

function Steps({ of: steps }: { of: Explained[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Scroll minWidth={480} mah={420}>
      <Table data-explain>
        <Table.Thead><Table.Tr><Table.Th>{t('explain.element')}</Table.Th><Table.Th>{t('downtime.start')}</Table.Th><Table.Th className="figure">{t('explain.amount')}</Table.Th><Table.Th>{t('explain.behind')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {steps.slice(0, MOST).map((step, number) => (
            <Table.Tr key={`${step.element}/${step.start ?? ''}/${number}`}>
              <Table.Td>{t(`element.${step.element}`, { defaultValue: step.element })}</Table.Td>
              <Table.Td className="nowrap">{step.start ? f.when(step.start) : '–'}</Table.Td>
              <Table.Td className="figure">{step.parts !== undefined ? t('explain.parts', { parts: f.number(step.parts) }) : step.seconds !== undefined && step.seconds !== null ? f.span(step.seconds) : '–'}</Table.Td>
              <Table.Td><Behind of={step} /></Table.Td>
            </Table.Tr>
          ))}
          {steps.length > MOST && <Table.Tr><Table.Td colSpan={4}><Text size="sm" c="dimmed">{t('explain.more', { count: steps.length - MOST })}</Text></Table.Td></Table.Tr>}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}

/** The raw value, the readings or the ideal cycle a step was made from. */
function Behind({ of: step }: { of: Explained }) {
  const { t } = useTranslation();
  const f = useFormat();
  if (step.element === 'ideal_cycle') return <Text size="sm">{t('explain.cycle', { seconds: f.number(step.ideal_cycle_s ?? null), product: step.product ?? t('explain.own') })}</Text>;
  const name = step.property?.split('/').at(-1) ?? '';
  const [first, last] = [step.samples?.[0], step.samples?.at(-1)];
  return (
    <Text size="sm">
      {step.samples ? t('explain.readings', { name, first: String(first?.value ?? '–'), last: String(last?.value ?? '–'), count: step.readings ?? step.samples.length }) : step.reason ? step.reason : `${name} = ${String(step.value ?? '–')}`}
      {step.calendar && step.calendar !== 'shift' && <Text span size="xs" c="dimmed"> · {t(`explain.plan.${step.calendar}`)}</Text>}
    </Text>
  );
}
