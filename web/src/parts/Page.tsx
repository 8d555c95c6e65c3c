import { Box, Group, Loader, Text, Title } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { useEffect, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { explain } from '../app/notices';
import { Trouble } from './Trouble';

/** A page's heading, its one-line purpose and what can be done on it. */
export function PageHead({ title, sub, children }: { title: ReactNode; sub?: ReactNode; children?: ReactNode }) {
  useEffect(() => {
    if (typeof title === 'string') document.title = `${title} · Lineshaft`;
  }, [title]);
  return (
    <Group justify="space-between" align="flex-start" mb="sm" gap="sm">
      <Box style={{ minWidth: 0 }}>
        <Title order={1} fz={22} className="wrap">{title}</Title>
        {sub && <Text c="dimmed" size="sm" component="div">{sub}</Text>}
      </Box>
      {children && <Group gap="xs">{children}</Group>}
    </Group>
  );
}

export function Panel({ title, extra, children, pad = true, mt }: { title?: ReactNode; extra?: ReactNode; children: ReactNode; pad?: boolean; mt?: string }) {
  return (
    <Box component="section" className="card" mt={mt ?? 0} style={{ minWidth: 0 }}>
      {title && (
        <Group justify="space-between" px={12} pt={10} pb={pad ? 0 : 8} gap="xs">
          <Title order={2} fz={15}>{title}</Title>
          {extra}
        </Group>
      )}
      <Box className={pad ? 'pad' : undefined}>{children}</Box>
    </Box>
  );
}

/** Waiting, failed, empty or there: the four things an answer can be. */
export function Answer<T>({ of, empty, none, children }: { of: UseQueryResult<T>; empty?: (data: T) => boolean; none?: ReactNode; children: (data: T) => ReactNode }) {
  const { t } = useTranslation();
  if (of.data !== undefined) return empty?.(of.data) ? <Text c="dimmed" p="md">{none ?? t('word.none')}</Text> : <>{children(of.data)}</>;
  if (of.isError) {
    const { title, detail, hint } = explain(of.error);
    return <Trouble title={title} detail={detail} hint={hint} retry={() => void of.refetch()} />;
  }
  return <Group p="md" gap="xs" data-waiting><Loader size="sm" color="slate" aria-hidden /><Text c="dimmed" size="sm" role="status">{t('word.loading')}</Text></Group>;
}

/** Label and fact, in two columns. */
export function Facts({ of }: { of: readonly (readonly [ReactNode, ReactNode])[] }) {
  return <dl className="facts">{of.map(([label, fact], at) => <FactRow key={at} label={label} fact={fact} />)}</dl>;
}
const FactRow = ({ label, fact }: { label: ReactNode; fact: ReactNode }) => (<><dt>{label}</dt><dd>{fact ?? '–'}</dd></>);
