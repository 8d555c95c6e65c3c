import { Alert, Badge, Button, Code, CopyButton, Group, Modal, PasswordInput, Select, Stack, Table, Text, TextInput } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask, post } from '../api/client';
import { q, useCommand } from '../api/queries';
import type { NewToken } from '../api/types';
import { ROLES } from '../app/permissions';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Rules } from '../parts/Rules';
import { Scroll } from '../parts/Scroll';

/** Who may enter: people by name and password, programs by token. A token is shown once, here, and never again. */
export default function Users() {
  const { t } = useTranslation();
  const mayUsers = useMay('users.edit');
  const mayTokens = useMay('tokens.edit');
  const [adding, setAdding] = useState<'user' | 'token' | null>(null);
  if (!mayUsers && !mayTokens) return <><PageHead title={t('nav.users')} /><Text>{t('user.notMay')}</Text></>;
  return (
    <>
      <PageHead title={t('nav.users')} sub={t('user.sub')} />
      <Panel title={t('user.people')} pad={false} extra={<Button size="compact-md" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setAdding('user')}>{t('user.add')}</Button>}><People /></Panel>
      <Panel title={t('user.tokens')} pad={false} mt="sm" extra={<Button size="compact-md" leftSection={<IconKey size={15} aria-hidden />} onClick={() => setAdding('token')}>{t('user.addToken')}</Button>}><Tokens /></Panel>
      {mayUsers && <Rules />}
      {adding && <Add kind={adding} onClose={() => setAdding(null)} />}
    </>
  );
}

function People() {
  const { t } = useTranslation();
  return (
    <Answer of={useQuery(q.users)} empty={(list) => list.items.length === 0}>
      {(list) => (
        <Scroll minWidth={320}><Table>
          <Table.Thead><Table.Tr><Table.Th>{t('user.name')}</Table.Th><Table.Th>{t('user.roles')}</Table.Th><Table.Th>{t('word.state')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{list.items.map((one) => <Table.Tr key={one.id}><Table.Td><Text size="sm" fw={600}>{one.display || one.name}</Text><Text size="xs" c="dimmed">{one.name}</Text></Table.Td><Table.Td><Group gap={4}>{one.roles.map((role) => <Badge key={role} color="slate" variant="outline">{t(`role.${role}`)}</Badge>)}</Group></Table.Td><Table.Td>{t(one.disabled ? 'user.disabled' : 'user.active')}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table></Scroll>
      )}
    </Answer>
  );
}

function Tokens() {
  const { t } = useTranslation();
  const f = useFormat();
  const [sure, setSure] = useState<string | null>(null);
  const remove = useCommand((id: string) => ask(`tokens/${id}`, { method: 'DELETE' }), ['tokens'], () => setSure(null));
  return (
    <Answer of={useQuery(q.tokens)} empty={(list) => list.items.length === 0} none={t('user.noTokens')}>
      {(list) => (
        <Scroll minWidth={400}><Table>
          <Table.Thead><Table.Tr><Table.Th>{t('user.name')}</Table.Th><Table.Th>{t('user.roles')}</Table.Th><Table.Th>{t('order.created')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {list.items.map((one) => (
              <Table.Tr key={one.id}>
                <Table.Td className="wrap">{one.name}</Table.Td>
                <Table.Td>{t(`role.${one.role}`)}</Table.Td>
                <Table.Td className="nowrap">{f.when(one.created)}</Table.Td>
                <Table.Td className="figure">{one.disabled ? <Text size="sm" c="dimmed">{t('user.revoked')}</Text> : sure === one.id ? <Button size="compact-sm" variant="filled" bg="var(--alarm-1-fill)" c="var(--alarm-1-ink)" loading={remove.isPending} onClick={() => remove.mutate(one.id)}>{t('user.sure')}</Button> : <Button size="compact-sm" onClick={() => setSure(one.id)}>{t('user.revoke')}</Button>}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table></Scroll>
      )}
    </Answer>
  );
}

function Add({ kind, onClose }: { kind: 'user' | 'token'; onClose: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState('');
  const [display, setDisplay] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState('viewer');
  const [secret, setSecret] = useState('');
  const add = useCommand(() => (kind === 'user' ? post<NewToken>('users', { name, display: display || name, password, roles: [role] }) : post<NewToken>('tokens', { name, role })), ['users', 'tokens'], (made) => (kind === 'token' ? setSecret(made.secret ?? '') : onClose()));
  return (
    <Modal opened onClose={onClose} title={t(kind === 'user' ? 'user.add' : 'user.addToken')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      {secret ? (
        <Stack gap="sm">
          <Alert variant="outline" color="slate" title={t('user.once')}>{t('user.onceWhy')}</Alert>
          <Code block className="wrap" data-secret>{secret}</Code>
          <Group justify="flex-end" gap="xs"><CopyButton value={secret}>{({ copied, copy }) => <Button onClick={copy}>{t(copied ? 'action.copied' : 'action.copy')}</Button>}</CopyButton><Button variant="filled" onClick={onClose}>{t('action.close')}</Button></Group>
        </Stack>
      ) : (
        <form onSubmit={(event) => { event.preventDefault(); add.mutate(undefined); }}>
          <Stack gap="sm">
            <TextInput label={t('user.name')} required value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus autoComplete="off" />
            {kind === 'user' && <TextInput label={t('user.display')} value={display} onChange={(event) => setDisplay(event.currentTarget.value)} autoComplete="off" />}
            {kind === 'user' && <PasswordInput label={t('login.password')} required minLength={10} value={password} onChange={(event) => setPassword(event.currentTarget.value)} autoComplete="new-password" visibilityToggleButtonProps={{ 'aria-label': t('login.show') }} />}
            <Select label={t('user.role')} allowDeselect={false} value={role} onChange={(value) => value && setRole(value)} data={ROLES.map((value) => ({ value, label: t(`role.${value}`) }))} />
            <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={add.isPending}>{t('user.create')}</Button></Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
