import { Button, Group, Select, Table, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask, post } from '../api/client';
import { etl } from '../api/etl';
import { useCommand } from '../api/queries';
import { Answer, Panel } from './Page';
import { Scroll } from './Scroll';

const words = (text: string): string[] => text.split(',').map((one) => one.trim()).filter(Boolean);

/** What is taken away from a role, a person or a token: tables, columns, or all but a part of the plant. */
export function Rules() {
  const { t } = useTranslation();
  const remove = useCommand((id: string) => ask(`permissions/${id}`, { method: 'DELETE' }), ['permissions']);
  return (
    <Panel title={t('rule.title')} mt="sm">
      <Text size="sm" c="dimmed" mb="xs">{t('rule.sub')}</Text>
      <Answer of={useQuery(etl.rules)} empty={(list) => list.items.length === 0} none={t('rule.none')}>
        {(list) => (
          <Scroll minWidth={620}><Table>
            <Table.Thead><Table.Tr><Table.Th>{t('rule.who')}</Table.Th><Table.Th>{t('rule.tables')}</Table.Th><Table.Th>{t('rule.columns')}</Table.Th><Table.Th>{t('rule.effect')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {list.items.map((one) => (
                <Table.Tr key={one.id}>
                  <Table.Td>{one.who}{one.note && <Text size="xs" c="dimmed" className="wrap">{one.note}</Text>}</Table.Td>
                  <Table.Td className="mono">{one.assets.length ? '–' : one.tables}</Table.Td>
                  <Table.Td className="mono">{one.columns.join(', ') || '–'}</Table.Td>
                  <Table.Td>{one.assets.length ? t('rule.only', { assets: one.assets.join(', ') }) : t(`rule.${one.effect}`)}</Table.Td>
                  <Table.Td><Button size="compact-md" onClick={() => remove.mutate(one.id)}>{t('rule.end')}</Button></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table></Scroll>
        )}
      </Answer>
      <Add />
    </Panel>
  );
}

function Add() {
  const { t } = useTranslation();
  const empty = { who: '', tables: '', columns: '', assets: '', effect: 'mask' };
  const [rule, setRule] = useState(empty);
  const add = useCommand(() => post('permissions', { ...rule, columns: words(rule.columns), assets: words(rule.assets), effect: words(rule.columns).length ? rule.effect : 'hide' }), ['permissions'], () => setRule(empty));
  const field = (name: 'who' | 'tables' | 'columns' | 'assets', example: string) => <TextInput label={t(`rule.${name}`)} placeholder={example} value={rule[name]} onChange={(event) => setRule({ ...rule, [name]: event.currentTarget.value })} style={{ flex: '1 1 150px' }} />;
  return (
    <Group gap="xs" align="flex-end" mt="sm">
      {field('who', 'role:planner')}
      {field('tables', 'purchases')}
      {field('columns', '@person, unit_cost')}
      {field('assets', 'Bakery/Line 1')}
      <Select label={t('rule.effect')} value={rule.effect} onChange={(effect) => setRule({ ...rule, effect: effect ?? 'mask' })} data={[{ value: 'mask', label: t('rule.mask') }, { value: 'hide', label: t('rule.hide') }]} allowDeselect={false} w={140} />
      <Button variant="filled" disabled={!rule.who.trim()} loading={add.isPending} onClick={() => add.mutate(undefined)}>{t('rule.add')}</Button>
    </Group>
  );
}
