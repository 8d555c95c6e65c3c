import { Box, Button, Center, Group, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import type { User } from '../api/types';
import { LANGUAGES, speak } from '../app/i18n';
import { explain } from '../app/notices';

/** The door to the pages: a name and a password, in either language. */
export default function Login() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { to } = useSearch({ from: '/login' });
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const enter = useMutation({
    mutationFn: () => post<{ user: User }>('login', { name, password }),
    onSuccess: async ({ user }) => {
      queries.clear();
      queries.setQueryData(['me'], user);
      await navigate({ href: to ?? '/' });
    },
  });
  const wrong = enter.isError ? explain(enter.error) : null;
  return (
    <Center component="main" mih="100vh" p="md">
      <Box className="card pad" w="100%" maw={380}>
        <form onSubmit={(event) => { event.preventDefault(); enter.mutate(); }}>
          <Stack gap="sm">
            <Group justify="space-between" wrap="nowrap">
              <Title order={1} fz={24}>Lineshaft</Title>
              <Group gap={4} role="group" aria-label={t('language.switch')}>
                {LANGUAGES.map((language) => <Button key={language} size="compact-sm" px={10} variant={i18n.language === language ? 'filled' : 'default'} aria-pressed={i18n.language === language} lang={language} onClick={() => speak(language)}>{language.toUpperCase()}</Button>)}
              </Group>
            </Group>
            <Text c="dimmed" size="sm">{t('login.sub')}</Text>
            <TextInput label={t('login.name')} name="name" autoComplete="username" required autoFocus value={name} onChange={(event) => setName(event.currentTarget.value)} />
            <PasswordInput label={t('login.password')} name="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.currentTarget.value)} visibilityToggleButtonProps={{ 'aria-label': t('login.show') }} />
            <Box role="alert">{wrong && <><Text c="var(--alarm-1)" fw={600} size="sm">{wrong.title}</Text><Text size="sm">{wrong.hint || wrong.detail}</Text></>}</Box>
            <Button type="submit" variant="filled" loading={enter.isPending}>{t('login.enter')}</Button>
          </Stack>
        </form>
      </Box>
    </Center>
  );
}
