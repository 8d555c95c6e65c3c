import { Table, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import type { Figures } from '../api/production';
import { useFormat } from '../format/useFormat';
import { Bullet } from './Bullet';
import { Scroll } from './Scroll';

const OTIF_TARGET = 0.95;
const FIRST_PASS_TARGET = 0.98;

/** On time in full, first pass and yield of a line, each with what it was computed from. */
export function LineFigures({ of: figures }: { of: Figures }) {
  const { t } = useTranslation();
  const f = useFormat();
  const tiles = [
    ['otif', figures.otif, OTIF_TARGET, t('production.ofLines', { good: f.number(figures.on_time_in_full), all: f.number(figures.due_lines) })],
    ['firstPass', figures.first_pass, FIRST_PASS_TARGET, t('production.ofChecks', { good: f.number(figures.passed), all: f.number(figures.checks) })],
    ['lotYield', figures.lot_yield, FIRST_PASS_TARGET, t('production.ofLots', { scrap: f.number(figures.lots_scrapped), all: f.number(figures.lots_made) })],
  ] as const;
  return (
    <div className="figure-tiles">
      {tiles.map(([name, value, target, from]) => (
        <div key={name} data-figure={name}>
          <Text size="sm" c="dimmed">{t(`production.${name}`)}</Text>
          <Text fz={26} fw={700} lh={1.3}>{f.percent(value)}</Text>
          <Bullet value={value} target={target} label={t(`production.${name}`)} />
          <Text size="xs" c="dimmed" mt={4}>{from}</Text>
        </div>
      ))}
    </div>
  );
}

/** What was made of each order against what its planned time allowed. */
export function Throughput({ of: figures }: { of: Figures }) {
  const { t } = useTranslation();
  const f = useFormat();
  const narrow = useMediaQuery('(max-width: 48em)') ?? false;
  if (figures.orders.length === 0) return <Text c="dimmed" p="md">{t('production.noRun')}</Text>;
  return (
    <Scroll minWidth={narrow ? 300 : 560}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('word.number')}</Table.Th>{!narrow && <><Table.Th>{t('production.product')}</Table.Th><Table.Th className="figure">{t('production.plannedTime')}</Table.Th></>}<Table.Th className="figure">{t('production.target')}</Table.Th><Table.Th className="figure">{t('production.made')}</Table.Th><Table.Th>{t('production.attainment')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {figures.orders.map((one) => (
            <Table.Tr key={one.order + one.product}>
              <Table.Td className="nowrap"><strong>{one.order}</strong>{narrow && <Text size="xs" c="dimmed">{one.product}</Text>}</Table.Td>
              {!narrow && <><Table.Td>{one.product}</Table.Td><Table.Td className="figure">{f.span(one.planned_s)}</Table.Td></>}
              <Table.Td className="figure">{f.number(one.target, 0)}</Table.Td>
              <Table.Td className="figure">{f.number(one.made, 0)}{one.made_by === 'counter' && <Text size="xs" c="dimmed">{t('production.byCounter')}</Text>}</Table.Td>
              <Table.Td miw={narrow ? 70 : 130}><Text size="xs">{f.percent(one.attainment)}</Text><Bullet value={one.attainment} target={0.85} label={t('production.attainment')} /></Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}
