import { Alert, Badge, Box, Button, Code, CopyButton, Group, Modal, SimpleGrid, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconLoader, IconPlugConnectedX, IconPlus, IconUserOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { TFunction } from 'i18next';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { edgePath, edges, type Edge, type Invitation } from '../api/edges';
import { useCommand } from '../api/queries';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { EdgeConfigurations } from '../parts/EdgeConfigurations';
import { Said } from '../parts/Said';
import { Answer, Facts, PageHead } from '../parts/Page';

const ICONS = { online: IconCircleCheck, invited: IconLoader, silent: IconPlugConnectedX, revoked: IconUserOff } as const;
const SOURCE_ICONS = { connected: IconCircleCheck, connecting: IconLoader, degraded: IconAlertTriangle, down: IconPlugConnectedX } as const;
const CLOCK_OFF_MS = 2_000;

/** The nodes beside the machines: how they are, what waits there, what they run. */
export default function Edges() {
  const { t } = useTranslation();
  const may = useMay('edges.invite');
  const [inviting, setInviting] = useState<string | null>(null);
  const [configuring, setConfiguring] = useState<string | null>(null);
  const [excluding, setExcluding] = useState<string | null>(null);
  return (
    <>
      <PageHead title={t('nav.edges')} sub={t('edge.sub')}>
        {may && <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setInviting('')}>{t('edge.invite')}</Button>}
      </PageHead>
      <Answer of={useQuery(edges)} empty={(list) => list.items.length === 0} none={t('edge.none')}>
        {(list) => (
          <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
            {list.items.map((one) => <Node key={one.name} edge={one} onConfigure={() => setConfiguring(one.name)} onInvite={() => setInviting(one.name)} onExclude={() => setExcluding(one.name)} />)}
          </SimpleGrid>
        )}
      </Answer>
      {inviting !== null && <Invite name={inviting} onClose={() => setInviting(null)} />}
      {configuring !== null && <EdgeConfigurations name={configuring} onClose={() => setConfiguring(null)} />}
      {excluding !== null && <Exclude name={excluding} onClose={() => setExcluding(null)} />}
    </>
  );
}

/** What is not as it should be at an edge, in words; nothing when all is well. */
function troubles(edge: Edge, t: TFunction, number: (n: number) => string): string[] {
  const found: string[] = [];
  if (edge.state === 'silent') found.push(t('edge.isSilent'));
  if (edge.refused) found.push(t('edge.wasRefused', { number: edge.refused.number, reason: edge.refused.reason }));
  if (edge.lost_values > 0) found.push(t('edge.lost', { n: number(edge.lost_values) }));
  if (edge.clock_offset_ms !== null && Math.abs(edge.clock_offset_ms) > CLOCK_OFF_MS) found.push(t('edge.clockOff'));
  return [...found, ...edge.events.map((event) => event.message)];
}

interface NodeProps { edge: Edge; onConfigure: () => void; onInvite: () => void; onExclude: () => void }

function Node({ edge, onConfigure, onInvite, onExclude }: NodeProps) {
  const { t } = useTranslation();
  const f = useFormat();
  const [mayConfigure, mayInvite, mayExclude] = [useMay('edges.configure'), useMay('edges.invite'), useMay('edges.revoke')];
  const wrong = edge.state === 'online' || edge.state === 'silent' ? troubles(edge, t, f.number) : [];
  const tone = edge.state === 'silent' ? 'var(--alarm-1)' : wrong.length ? 'var(--alarm-2)' : undefined;
  const Icon = ICONS[edge.state];
  return (
    <Box component="section" className={tone ? 'card alarmed pad' : 'card pad'} style={tone ? { ['--alarm-edge' as string]: tone } : undefined} data-edge={edge.name} data-edge-state={edge.state}>
      <Group justify="space-between" mb={4}>
        <Title order={2} fz={16}>{edge.name}</Title>
        <Group gap={5} c={edge.state === 'silent' ? tone : undefined}><Icon size={18} aria-hidden /><Text size="sm" fw={600}>{t(`edgeState.${edge.state}`)}</Text></Group>
      </Group>
      {wrong.map((words) => <Text key={words} size="sm" className="wrap" c={tone}><IconAlertTriangle size={14} aria-hidden /> {words}</Text>)}
      {edge.state === 'revoked' && edge.reason && <Text size="sm" className="wrap">{edge.reason}</Text>}
      <Facts of={facts(edge, t, f)} />
      {edge.sources.length > 0 && <Sources edge={edge} />}
      {edge.rules.length > 0 && <Rules edge={edge} />}
      <Group gap="xs" mt="sm">
        {mayConfigure && edge.state !== 'revoked' && <Button size="compact-sm" onClick={onConfigure}>{t('edge.configure')}</Button>}
        {mayInvite && edge.state !== 'online' && <Button size="compact-sm" onClick={onInvite}>{t('edge.inviteAgain')}</Button>}
        {mayExclude && edge.state !== 'revoked' && <Button size="compact-sm" onClick={onExclude}>{t('edge.exclude')}</Button>}
      </Group>
    </Box>
  );
}

function facts(edge: Edge, t: TFunction, f: ReturnType<typeof useFormat>): [ReactNode, ReactNode][] {
  if (edge.state === 'invited') return [[t('edge.invitedUntil'), edge.invited_until ? f.when(edge.invited_until) : t('edge.invitationOver')]];
  const running = edge.config === 0 ? t('edge.ownSettings') : t('edge.numbered', { n: edge.config });
  const wanted = edge.wanted === edge.config ? '' : ` → ${edge.wanted === 0 ? t('edge.ownSettings') : t('edge.numbered', { n: edge.wanted })}`;
  const waiting = edge.waiting_values ? t('edge.waits', { n: f.number(edge.waiting_values), bytes: f.bytes(edge.waiting_bytes), when: f.when(edge.waiting_since) }) : t('edge.nothingWaits');
  return [
    [t('source.version'), edge.version ?? '–'],
    [t('edge.config'), `${running}${wanted}${edge.trial ? ` (${t('edge.trial')})` : ''}`],
    [t('edge.buffer'), waiting],
    [t('edge.seen'), f.when(edge.seen)],
    [t('edge.clock'), edge.clock_offset_ms === null ? '–' : t('edge.ms', { n: f.number(edge.clock_offset_ms, 1) })],
    [t('edge.certificate'), f.when(edge.expires)],
  ];
}

function Sources({ edge }: { edge: Edge }) {
  const { t } = useTranslation();
  return (
    <Table mt="xs">
      <Table.Tbody>
        {edge.sources.map((one) => {
          const Icon = SOURCE_ICONS[one.state] ?? IconAlertTriangle;
          return (
            <Table.Tr key={one.name}>
              <Table.Td>{one.name}</Table.Td>
              <Table.Td className="nowrap"><Icon size={14} aria-hidden color={one.state === 'down' ? 'var(--alarm-1)' : undefined} /> {t(`sourceState.${one.state}`)}</Table.Td>
              <Table.Td className="wrap"><Text size="xs" c="dimmed"><Said text={one.message} />{one.bad > 0 && ` · ${t('edge.bad', { n: one.bad })}`}</Text></Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}

function Rules({ edge }: { edge: Edge }) {
  const { t } = useTranslation();
  const f = useFormat();
  return (
    <Stack gap={4} mt="xs">
      {edge.rules.map((rule) => (
        <Group key={rule.name} gap={6} wrap="wrap">
          <Badge variant="outline" color="slate">{t('edge.rule')}</Badge>
          <Text size="sm" className="wrap">{rule.name} → <span className="mono">{rule.target.join(' ')}</span>: {t('edge.did', { writes: f.number(rule.writes), refusals: f.number(rule.refusals) })}. {t('edge.until', { when: f.when(rule.expires) })}</Text>
        </Group>
      ))}
    </Stack>
  );
}

function Invite({ name: first, onClose }: { name: string; onClose: () => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [name, setName] = useState(first);
  const [made, setMade] = useState<Invitation | null>(null);
  const invite = useCommand(() => post<Invitation>('edges', { name }), ['edges'], setMade);
  const command = made ? `lineshaft edge --home DIR enrol https://${window.location.hostname}:${made.port} ${made.code}` : '';
  return (
    <Modal opened onClose={onClose} title={t('edge.invite')} size="lg" closeButtonProps={{ 'aria-label': t('action.close') }}>
      {made ? (
        <Stack gap="sm">
          <Alert variant="outline" color="slate" title={t('edge.once')}>{t('edge.onceWhy', { when: f.when(made.until) })}</Alert>
          <Code block className="wrap" data-secret>{command}</Code>
          {!made.listening && <Text size="sm" c="var(--alarm-2)"><IconAlertTriangle size={14} aria-hidden /> {t('edge.doorShut')}</Text>}
          <Group justify="flex-end" gap="xs"><CopyButton value={command}>{({ copied, copy }) => <Button onClick={copy}>{t(copied ? 'action.copied' : 'action.copy')}</Button>}</CopyButton><Button variant="filled" onClick={onClose}>{t('action.close')}</Button></Group>
        </Stack>
      ) : (
        <form onSubmit={(event) => { event.preventDefault(); invite.mutate(undefined); }}>
          <Stack gap="sm">
            <TextInput label={t('edge.name')} description={t('edge.nameHint')} required value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus autoComplete="off" />
            <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={invite.isPending}>{t('edge.invite')}</Button></Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}

function Exclude({ name, onClose }: { name: string; onClose: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState('');
  const exclude = useCommand(() => post(`${edgePath(name)}/revoke`, { reason }), ['edges'], () => { report(t('edge.excluded', { name })); onClose(); });
  return (
    <Modal opened onClose={onClose} title={t('edge.excludeName', { name })} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); exclude.mutate(undefined); }}>
        <Stack gap="sm">
          <Text size="sm">{t('edge.excludeWhy')}</Text>
          <TextInput label={t('edge.reason')} required value={reason} onChange={(event) => setReason(event.currentTarget.value)} data-autofocus />
          <Group justify="flex-end" gap="xs"><Button onClick={onClose}>{t('action.cancel')}</Button><Button type="submit" variant="filled" loading={exclude.isPending}>{t('edge.exclude')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
