import { Button, Center, Loader, Stack, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Trouble } from '../parts/Trouble';
import type { ErrorComponentProps } from '@tanstack/react-router';

/** A page that broke says so; the others go on. */
export function Crash({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  return <Trouble title={t('error.page')} detail={error instanceof Error ? error.message : String(error)} retry={reset} />;
}

export function Missing() {
  const { t } = useTranslation();
  return (
    <Stack align="flex-start" p="md">
      <Title order={1} fz={22}>{t('error.missing')}</Title>
      <Button component="a" href="/">{t('nav.overview')}</Button>
    </Stack>
  );
}

export function Waiting() {
  return <Center h={120}><Loader size="sm" color="slate" aria-hidden /></Center>;
}
