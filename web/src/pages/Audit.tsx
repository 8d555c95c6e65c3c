import { Alert, Button, Table, Text, TextInput } from '@mantine/core';
import { IconShieldCheck, IconShieldX } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask } from '../api/client';
import { q } from '../api/queries';
import type { AuditReport } from '../api/types';
import { complain } from '../app/notices';
import { useFormat } from '../format/useFormat';
import { Actor } from '../parts/Actor';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

/** Who asked for what and what came of it: a chain nobody can edit unseen. */
export default function Audit() {
  const { t } = useTranslation();
  const f = useFormat();
  const [search, setSearch] = useState('');
  const verify = useMutation({ mutationFn: () => ask<AuditReport>('audit/verify'), onError: complain });
  const words = search.trim().toLowerCase();
  const checked = verify.data;
  return (
    <>
      <PageHead title={t('nav.audit')} sub={t('audit.sub')}>
        <TextInput aria-label={t('audit.search')} placeholder={t('audit.search')} data-search value={search} onChange={(event) => setSearch(event.currentTarget.value)} />
        <Button leftSection={<IconShieldCheck size={16} aria-hidden />} loading={verify.isPending} onClick={() => verify.mutate()}>{t('audit.verify')}</Button>
      </PageHead>
      {checked && <Alert mb="sm" role="status" variant="outline" color="slate" icon={checked.ok ? <IconShieldCheck size={20} aria-hidden /> : <IconShieldX size={20} aria-hidden color="var(--alarm-1)" />} title={t(checked.ok ? 'audit.whole' : 'audit.broken', { row: checked.first_bad })}>{t('audit.rows', { count: checked.rows })}</Alert>}
      <Panel pad={false}>
        <Answer of={useQuery(q.audit)} empty={(list) => list.items.length === 0}>
          {(list) => (
            <Scroll minWidth={760}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th className="figure">{t('audit.seq')}</Table.Th><Table.Th>{t('tower.at')}</Table.Th><Table.Th>{t('tower.actor')}</Table.Th><Table.Th>{t('audit.action')}</Table.Th><Table.Th>{t('audit.resource')}</Table.Th><Table.Th>{t('tower.outcome')}</Table.Th><Table.Th>{t('audit.hash')}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {list.items.filter((row) => !words || `${row.subject} ${row.action} ${row.resource}`.toLowerCase().includes(words)).map((row) => (
                    <Table.Tr key={row.seq}>
                      <Table.Td className="figure">{row.seq}</Table.Td>
                      <Table.Td className="nowrap">{f.when(row.at)}</Table.Td>
                      <Table.Td><Actor name={row.subject} kind={row.subject_kind} /></Table.Td>
                      <Table.Td>{row.action}</Table.Td>
                      <Table.Td className="wrap">{row.resource || '–'}</Table.Td>
                      <Table.Td><Text size="sm" fw={row.outcome === 'ok' ? 400 : 700} c={row.outcome === 'ok' ? undefined : 'var(--alarm-2)'}>{t(`auditOutcome.${row.outcome}`)}</Text></Table.Td>
                      <Table.Td className="mono">{row.hash.slice(0, 12)}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Scroll>
          )}
        </Answer>
      </Panel>
    </>
  );
}
