import { Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { p, type Process } from '../api/processes';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

/** The processes in use: what begins each, how many cases are open, and the figure each exists for. */
export default function Processes() {
  const { t } = useTranslation();
  return (
    <>
      <PageHead title={t('nav.processes')} sub={t('map.sub')} />
      <Panel pad={false}>
        <Answer of={useQuery(p.processes)} empty={(data) => data.items.length === 0}>
          {(data) => (
            <Scroll minWidth={700}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>{t('case.process')}</Table.Th><Table.Th>{t('map.begins')}</Table.Th><Table.Th ta="right">{t('map.openCases')}</Table.Th><Table.Th>{t('map.figure')}</Table.Th><Table.Th ta="right">{t('map.before')}</Table.Th><Table.Th ta="right">{t('map.now')}</Table.Th><Table.Th ta="right">{t('map.target')}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>{data.items.map((one) => <Row key={one.process} of={one} />)}</Table.Tbody>
              </Table>
            </Scroll>
          )}
        </Answer>
      </Panel>
    </>
  );
}

function Row({ of: one }: { of: Process }) {
  const { t } = useTranslation();
  const f = useFormat();
  const say = (value: number | null | undefined): string => (value == null ? '–' : one.kpi?.unit === 'share' ? f.percent(value) : `${f.number(value, 1)} ${t(`kpiUnit.${one.kpi?.unit ?? 'h'}`, { defaultValue: one.kpi?.unit ?? '' })}`);
  return (
    <Table.Tr>
      <Table.Td><Link to="/processes/$name" params={{ name: one.process }} className="tap"><strong>{t(`process.${one.process}`, { defaultValue: one.title })}</strong></Link><Text size="xs" c="dimmed">{t('map.version', { version: one.version })}</Text></Table.Td>
      <Table.Td>{one.starts.map((start) => t(`begins.${start}`, { defaultValue: start })).join(', ')}</Table.Td>
      <Table.Td ta="right">{one.open_cases}</Table.Td>
      <Table.Td>{one.kpi ? t(`kpiName.${one.kpi.name}`, { defaultValue: one.kpi.name }) : '–'}</Table.Td>
      <Table.Td ta="right" className="nowrap">{say(one.kpi?.baseline)}</Table.Td>
      <Table.Td ta="right" className="nowrap">{say(one.kpi?.now)}</Table.Td>
      <Table.Td ta="right" className="nowrap">{say(one.kpi?.target)}</Table.Td>
    </Table.Tr>
  );
}
