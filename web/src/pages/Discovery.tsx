import { Alert, Box, Button, Checkbox, Code, Group, Modal, MultiSelect, Progress, Select, Stack, Table, Text, Textarea, TextInput } from '@mantine/core';
import { IconBulb, IconPencil, IconPlayerStop, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask, post } from '../api/client';
import { discovery, PROTOCOLS, STATUSES, systems, type Adopted, type Look, type Proposal, type ProposedModel, type System } from '../api/discovery';
import { q, useCommand } from '../api/queries';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { useSentence } from '../locales/sentences';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';
import { SourceDialog, type Wanted } from '../parts/SourceDialog';

/** What is on the networks that may be looked through, whose it is, and what could be made of it. */
export default function Discovery() {
  const { t } = useTranslation();
  const may = useMay('discovery.scan');
  const [open, setOpen] = useState<System | null>(null);
  const [inside, setInside] = useState<System | null>(null);
  return (
    <>
      <PageHead title={t('nav.discovery')} sub={t('discovery.sub')} />
      <Answer of={useQuery(discovery)}>{(state) => <Looking networks={state.networks} look={state.look} pace={state.per_second} may={may} />}</Answer>
      <Panel title={t('discovery.inventory')} mt="var(--mantine-spacing-sm)">
        <Answer of={useQuery(systems)} empty={(found) => found.items.length === 0} none={t('discovery.none')}>
          {(found) => <Register items={found.items} may={may} edit={setOpen} propose={setInside} />}
        </Answer>
      </Panel>
      {open && <Edit system={open} close={() => setOpen(null)} />}
      {inside && <Inside system={inside} close={() => setInside(null)} />}
    </>
  );
}

function Looking({ networks, look, pace, may }: { networks: string[]; look: Look | null; pace: number; may: boolean }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [network, setNetwork] = useState(networks[0] ?? '');
  const [protocols, setProtocols] = useState<string[]>(['opcua', 'ethernet_ip', 'modbus']);
  const begin = useCommand(() => post('discovery/look', { network: network.trim(), protocols }), ['discovery']);
  const stop = useCommand(() => post('discovery/cancel'), ['discovery']);
  const say = useSentence();
  const running = look?.state === 'running';
  return (
    <Panel title={t('discovery.look')}>
      <Text size="sm" c="dimmed">{networks.length > 0 ? t('discovery.allowed', { networks: networks.join(', '), n: f.number(pace) }) : t('discovery.off')}</Text>
      {networks.length === 0 && <Code block mt="xs">{'[discovery]\nnetworks = ["192.168.10.0/24"]'}</Code>}
      {may && (
        <Group align="flex-end" gap="xs" mt="xs" data-look>
          <TextInput label={t('discovery.network')} value={network} disabled={networks.length === 0} onChange={(event) => setNetwork(event.currentTarget.value)} w={{ base: '100%', xs: 200 }} />
          <MultiSelect label={t('discovery.protocols')} value={protocols} onChange={setProtocols} data={PROTOCOLS.map((value) => ({ value, label: t(`discovery.protocol.${value}`) }))} w={{ base: '100%', xs: 340 }} />
          {running ? <Button leftSection={<IconPlayerStop size={16} aria-hidden />} onClick={() => stop.mutate(undefined)}>{t('discovery.stop')}</Button> : <Button leftSection={<IconSearch size={16} aria-hidden />} disabled={protocols.length === 0 || (networks.length === 0 && protocols.some((one) => one !== 'sparkplug'))} loading={begin.isPending} onClick={() => begin.mutate(undefined)}>{t('discovery.begin')}</Button>}
        </Group>
      )}
      {look && (
        <Box mt="sm" role="status">
          {running && <Progress value={look.total ? (100 * look.asked) / look.total : 100} color="slate" aria-label={t('discovery.look')} mb={4} />}
          <Text size="sm">{t(`discovery.state.${look.state}`)} · {look.network || t('discovery.protocol.sparkplug')} · {t('discovery.asked', { n: f.number(look.asked), of: f.number(look.total) })} · {t('discovery.found', { count: look.found })} · {look.by}, {f.when(look.started)}</Text>
          {look.message && <Text size="sm" className="wrap">{say(look.message)}</Text>}
        </Box>
      )}
    </Panel>
  );
}

function Register({ items, may, edit, propose }: { items: System[]; may: boolean; edit: (one: System) => void; propose: (one: System) => void }) {
  const { t } = useTranslation();
  const say = useSentence();
  const f = useFormat();
  return (
    <Scroll minWidth={900}>
      <Table data-systems>
        <Table.Thead><Table.Tr>{['name', 'where', 'owner', 'status', 'gaps', 'seen'].map((name) => <Table.Th key={name}>{t(`discovery.${name}`)}</Table.Th>)}<Table.Th><span className="visually-hidden">{t('discovery.do')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((one) => (
            <Table.Tr key={one.id} data-system={one.name}>
              <Table.Td className="wrap"><Text size="sm" fw={600}>{one.name || one.address}</Text>{(one.maker || one.model) && <Text size="xs" c="dimmed">{[one.maker, one.model].filter(Boolean).join(' · ')}</Text>}{one.note && <Text size="xs">{one.note}</Text>}</Table.Td>
              <Table.Td><Text size="sm">{t(`discovery.protocol.${one.protocol}`)}</Text><Text size="xs" className="mono wrap">{one.address}</Text></Table.Td>
              <Table.Td className="wrap">{one.owner || '–'}</Table.Td>
              <Table.Td><Text size="sm" fw={one.status === 'new' ? 700 : undefined}>{t(`discovery.is.${one.status}`)}</Text></Table.Td>
              <Table.Td className="wrap">{one.gaps.length === 0 ? '–' : one.gaps.map((gap) => <Text key={gap} size="xs">{say(gap)}</Text>)}</Table.Td>
              <Table.Td>{one.silent_since ? <Text size="sm" fw={600}>{t('discovery.silent', { when: f.when(one.silent_since) })}</Text> : f.when(one.last_seen)}</Table.Td>
              <Table.Td>{may && <Group gap={4} wrap="nowrap"><Button size="compact-sm" variant="subtle" leftSection={<IconPencil size={14} aria-hidden />} onClick={() => edit(one)}>{t('discovery.edit')}</Button><Button size="compact-sm" leftSection={<IconBulb size={14} aria-hidden />} onClick={() => propose(one)} data-propose>{t('discovery.propose')}</Button></Group>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}

function Edit({ system, close }: { system: System; close: () => void }) {
  const { t } = useTranslation();
  const [one, setOne] = useState({ name: system.name, owner: system.owner, status: system.status, note: system.note });
  const save = useCommand(() => ask(`discovery/systems/${system.id}`, { method: 'PATCH', body: { ...one, version: system.version } }), ['discovery'], close);
  return (
    <Modal opened onClose={close} title={system.address} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Stack gap="sm">
        <TextInput label={t('discovery.name')} value={one.name} onChange={(event) => setOne({ ...one, name: event.currentTarget.value })} />
        <TextInput label={t('discovery.owner')} value={one.owner} onChange={(event) => setOne({ ...one, owner: event.currentTarget.value })} />
        <Select label={t('discovery.status')} allowDeselect={false} value={one.status} data={STATUSES.map((value) => ({ value, label: t(`discovery.is.${value}`) }))} onChange={(value) => value && setOne({ ...one, status: value })} />
        <Textarea label={t('discovery.note')} autosize minRows={2} value={one.note} onChange={(event) => setOne({ ...one, note: event.currentTarget.value })} />
        <Facts of={Object.entries(system.facts).filter(([, fact]) => typeof fact !== 'object').map(([name, fact]) => [name, String(fact)] as const)} />
        <Group justify="flex-end" gap="xs"><Button onClick={close}>{t('action.cancel')}</Button><Button variant="filled" loading={save.isPending} onClick={() => save.mutate(undefined)}>{t('source.save')}</Button></Group>
      </Stack>
    </Modal>
  );
}

/** What could be made of a system; nothing is until somebody says so. */
function Inside({ system, close }: { system: System; close: () => void }) {
  const { t } = useTranslation();
  const say = useSentence();
  const found = useQuery({ queryKey: ['discovery', 'proposal', system.id], queryFn: () => post<Proposal>(`discovery/systems/${system.id}/proposal`), retry: false, staleTime: Infinity, gcTime: 0 });
  const [adding, setAdding] = useState<Wanted | null>(null);
  const [source, setSource] = useState('');
  return (
    <Modal opened onClose={close} size="xl" title={t('discovery.inside', { name: system.name || system.address })} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Answer of={found}>
        {({ entry, models, remark, source: text }) => (
          <Stack gap="sm" data-proposal>
            {remark && <Alert color="gray" variant="outline">{say(remark)}</Alert>}
            {entry && (
              <Box>
                <Text fw={600} size="sm">{t('discovery.step1')}</Text>
                <Code block my={6}>{text}</Code>
                {source ? <Text size="sm" role="status">{t('discovery.listening', { name: source })}</Text> : <Button size="xs" variant="filled" onClick={() => { const { name, type, ...options } = entry; setAdding({ name, type, options, system: system.id }); }} data-take-source>{t('discovery.takeSource')}</Button>}
              </Box>
            )}
            {models.length > 0 && <Text fw={600} size="sm">{t('discovery.step2')}</Text>}
            {models.map((one) => <Model key={one.looks_like} one={one} source={source || String(entry?.name ?? '')} />)}
          </Stack>
        )}
      </Answer>
      {adding && <SourceDialog wanted={adding} close={() => setAdding(null)} done={setSource} />}
    </Modal>
  );
}

function Model({ one, source }: { one: ProposedModel; source: string }) {
  const { t } = useTranslation();
  const places = useQuery(q.assets).data?.items ?? [];
  const [text, setText] = useState(one.text);
  const [open, setOpen] = useState(false);
  const [parent, setParent] = useState<string | null>(null);
  const [taken, setTaken] = useState<string[]>(one.machines.map((machine) => machine.node));
  const positions = one.machines.filter((machine) => taken.includes(machine.node)).map(({ name, tags }) => ({ name, parent: parent ?? '', source, tags }));
  const adopt = useCommand(() => post<Adopted>('assets/adopt', { text, positions }), ['assets', 'properties']);
  return (
    <Box className="card pad" data-model={one.model}>
      <Group justify="space-between" gap="xs"><Text size="sm" fw={600}>{one.looks_like}</Text><Button size="compact-sm" variant="subtle" aria-expanded={open} onClick={() => setOpen(!open)}>{t('discovery.yaml')}</Button></Group>
      {open && <Textarea aria-label={t('discovery.yaml')} autosize minRows={6} maxRows={18} value={text} onChange={(event) => setText(event.currentTarget.value)} styles={{ input: { fontFamily: 'monospace' } }} />}
      {one.machines.length > 1 && <Checkbox.Group value={taken} onChange={setTaken} mt="xs"><Group gap="sm">{one.machines.map((machine) => <Checkbox key={machine.node} value={machine.node} label={machine.name} />)}</Group></Checkbox.Group>}
      {adopt.data
        ? <Text size="sm" mt="xs" role="status">{t('discovery.adopted', { what: adopt.data.added.join(', '), count: adopt.data.bound })}{adopt.data.problems.map((problem) => <Text key={problem} size="sm" span display="block">{problem}</Text>)}</Text>
        : (
          <Group align="flex-end" gap="xs" mt="xs">
            <Select label={t('discovery.below')} placeholder={t('discovery.top')} searchable clearable data={places.map((place) => place.path)} value={parent} onChange={setParent} w={{ base: '100%', xs: 320 }} />
            <Button size="sm" disabled={positions.length === 0} loading={adopt.isPending} onClick={() => adopt.mutate(undefined)} data-adopt>{t('discovery.adopt')}</Button>
          </Group>
        )}
    </Box>
  );
}
