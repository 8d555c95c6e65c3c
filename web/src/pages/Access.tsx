import { Alert, Badge, Button, Code, CopyButton, Group, Modal, Stack, Table, Text, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import * as access from '../api/access';
import { ask, post } from '../api/client';
import { useCommand } from '../api/queries';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

const spaced = (text: string) => (text.toUpperCase().match(/.{1,4}/g) ?? []).join(' ');

/** Whom the node believes at the machines' side: servers whose certificate a person compared, devices with a secret each. */
export default function Access() {
  const { t } = useTranslation();
  const mayDevices = useMay('devices.edit');
  const [adding, setAdding] = useState(false);
  return (
    <>
      <PageHead title={t('nav.access')} sub={t('access.sub')} />
      <Panel title={t('access.servers')} pad={false}>
        <Answer of={useQuery(access.certificates)} empty={(list) => list.items.length === 0} none={t('access.noServers')}>{(list) => <Servers items={list.items} />}</Answer>
      </Panel>
      <Panel title={t('access.devices')} pad={false} mt="sm" extra={mayDevices && <Button size="compact-md" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setAdding(true)}>{t('access.add')}</Button>}>
        <Answer of={useQuery(access.devices)} empty={(list) => list.items.length === 0} none={t('access.noDevices')}>{(list) => <Devices items={list.items} />}</Answer>
      </Panel>
      {adding && <Add onClose={() => setAdding(false)} />}
    </>
  );
}

function Servers({ items }: { items: access.Certificate[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('sources.trust');
  const [compare, setCompare] = useState<access.Certificate | null>(null);
  const [sure, setSure] = useState('');
  const withdraw = useCommand((source: string) => ask(`certificates/${encodeURIComponent(source)}`, { method: 'DELETE' }), ['certificates', 'health'], () => setSure(''));
  return (
    <Scroll minWidth={720}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('access.source')}</Table.Th><Table.Th>{t('word.state')}</Table.Th><Table.Th>{t('access.certificate')}</Table.Th><Table.Th>{t('access.until')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((one) => (
            <Table.Tr key={`${one.source} ${one.trusted}`} data-certificate={one.source}>
              <Table.Td>{one.source}</Table.Td>
              <Table.Td className="nowrap">{one.trusted ? t('access.trusted') : <Text size="sm" component="span" c="var(--alarm-2)" fw={600}><IconAlertTriangle size={14} aria-hidden /> {t('access.waits')}</Text>}</Table.Td>
              <Table.Td><Text size="sm" className="wrap">{one.subject}</Text><Text size="xs" c="dimmed" className="mono wrap">{spaced(one.fingerprint)}</Text></Table.Td>
              <Table.Td className="nowrap">{f.when(one.valid_to)}</Table.Td>
              <Table.Td className="figure">
                {may && !one.trusted && <Button size="compact-sm" onClick={() => setCompare(one)}>{t('access.compare')}</Button>}
                {may && one.trusted && (sure === one.source ? <Button size="compact-sm" variant="filled" bg="var(--alarm-1-fill)" c="var(--alarm-1-ink)" loading={withdraw.isPending} onClick={() => withdraw.mutate(one.source)}>{t('user.sure')}</Button> : <Button size="compact-sm" onClick={() => setSure(one.source)}>{t('access.withdraw')}</Button>)}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {compare && <Compare one={compare} onClose={() => setCompare(null)} />}
    </Scroll>
  );
}

/** The person types what the machine's panel shows: clicking yes without looking is not enough. */
function Compare({ one, onClose }: { one: access.Certificate; onClose: () => void }) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState('');
  const accept = useCommand(() => post(`certificates/${encodeURIComponent(one.source)}/accept`, { fingerprint: typed }), ['certificates', 'health'], () => { report(t('access.accepted', { source: one.source })); onClose(); });
  return (
    <Modal opened onClose={onClose} title={t('access.compareTitle', { source: one.source })} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); accept.mutate(undefined); }}>
        <Stack gap="sm">
          <Text size="sm">{t('access.compareHow')}</Text>
          <Text size="sm" className="wrap">{one.subject}{one.uri && ` · ${one.uri}`}</Text>
          <Code block style={{ whiteSpace: 'pre-wrap' }}>{spaced(one.fingerprint)}</Code>
          <TextInput label={t('access.typed')} required minLength={8} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} data-autofocus autoComplete="off" />
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={accept.isPending}>{t('access.trust')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Devices({ items }: { items: access.Device[] }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('devices.edit');
  const [sure, setSure] = useState('');
  const [secret, setSecret] = useState<access.DeviceSecret | null>(null);
  const path = (name: string) => `devices/${encodeURIComponent(name)}`;
  const revoke = useCommand((name: string) => ask(path(name), { method: 'DELETE' }), ['devices'], () => setSure(''));
  const renew = useCommand((name: string) => post<access.DeviceSecret>(`${path(name)}/secret`, {}), ['devices'], setSecret);
  return (
    <Scroll minWidth={760}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('field.name')}</Table.Th><Table.Th>{t('word.state')}</Table.Th><Table.Th>{t('access.topics')}</Table.Th><Table.Th>{t('access.seen')}</Table.Th><Table.Th><span className="visually-hidden">{t('word.actions')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((one) => (
            <Table.Tr key={one.name} data-device={one.name}>
              <Table.Td><Text size="sm" fw={600}>{one.name}</Text><Text size="xs" c="dimmed" className="wrap">{one.note}</Text></Table.Td>
              <Table.Td><Badge color="slate" variant="outline" miw="max-content">{t(one.revoked ? 'access.revoked' : one.online ? 'access.online' : 'access.away')}</Badge></Table.Td>
              <Table.Td className="mono wrap">{one.topics.join(', ')}</Table.Td>
              <Table.Td className="nowrap">{one.seen ? <>{f.when(one.seen)}<Text size="xs" c="dimmed">{one.address} · {t('access.messages', { count: one.messages })}</Text></> : t('access.never')}</Table.Td>
              <Table.Td className="figure">
                {may && !one.revoked && (
                  <Group gap={4} justify="flex-end" wrap="nowrap">
                    <Button size="compact-sm" loading={renew.isPending && renew.variables === one.name} onClick={() => renew.mutate(one.name)}>{t('access.renew')}</Button>
                    {sure === one.name ? <Button size="compact-sm" variant="filled" bg="var(--alarm-1-fill)" c="var(--alarm-1-ink)" loading={revoke.isPending} onClick={() => revoke.mutate(one.name)}>{t('user.sure')}</Button> : <Button size="compact-sm" onClick={() => setSure(one.name)}>{t('user.revoke')}</Button>}
                  </Group>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {secret && <Modal opened onClose={() => setSecret(null)} title={secret.name} closeButtonProps={{ 'aria-label': t('action.close') }}><Secret made={secret} onClose={() => setSecret(null)} /></Modal>}
    </Scroll>
  );
}

function Secret({ made, onClose }: { made: access.DeviceSecret; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm">
      <Alert variant="outline" color="slate" title={t('access.once')}>{t('access.onceWhy')}</Alert>
      <Text size="sm">{t('access.login', { name: made.name })}</Text>
      <Code block className="wrap" data-secret>{made.secret}</Code>
      <Text size="sm">{t('access.topics')}: <span className="mono">{made.topics.join(', ')}</span></Text>
      <Group justify="flex-end" gap="xs"><CopyButton value={made.secret}>{({ copied, copy }) => <Button onClick={copy}>{t(copied ? 'action.copied' : 'action.copy')}</Button>}</CopyButton><Button variant="filled" onClick={onClose}>{t('action.close')}</Button></Group>
    </Stack>
  );
}

function Add({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState('');
  const [topics, setTopics] = useState('');
  const [note, setNote] = useState('');
  const [made, setMade] = useState<access.DeviceSecret | null>(null);
  const list = topics.split(',').map((one) => one.trim()).filter(Boolean);
  const add = useCommand(() => post<access.DeviceSecret>('devices', { name, topics: list, note }), ['devices'], setMade);
  return (
    <Modal opened onClose={onClose} title={t('access.add')} closeButtonProps={{ 'aria-label': t('action.close') }}>
      {made ? <Secret made={made} onClose={onClose} /> : (
        <form onSubmit={(event) => { event.preventDefault(); add.mutate(undefined); }}>
          <Stack gap="sm">
            <TextInput label={t('field.name')} required maxLength={63} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus autoComplete="off" />
            <TextInput label={t('access.topics')} description={t('access.topicsHow', { name: name || 'dryer-3' })} value={topics} onChange={(event) => setTopics(event.currentTarget.value)} autoComplete="off" />
            <TextInput label={t('word.note')} maxLength={300} value={note} onChange={(event) => setNote(event.currentTarget.value)} autoComplete="off" />
            <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={add.isPending}>{t('user.create')}</Button></Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
