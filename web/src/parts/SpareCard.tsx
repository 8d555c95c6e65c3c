import { Box, Button, Group, Modal, NumberInput, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, post } from '../api/client';
import { useCommand } from '../api/queries';
import { w, type SpareDetail } from '../api/workshop';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, Facts } from './Page';
import { Scroll } from './Scroll';

/** One part: its label, where it is used, what may take its place, every move of it, and the count of its bin. */
export function SpareCard({ part, onClose }: { part: string; onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={part} size="lg" closeButtonProps={{ 'aria-label': useTranslation().t('action.close') }}>
      <Answer of={useQuery(w.spare(part))}>{(one) => <Body of={one} />}</Answer>
    </Modal>
  );
}

function Body({ of: one }: { of: SpareDetail }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('spares.count');
  const [counted, setCounted] = useState<string | number>('');
  const count = useCommand(() => post(`spares/${one.id}/count`, { counted: Number(counted), version: one.version }), ['spares'], () => { setCounted(''); report(t('word.saved')); });
  return (
    <>
      <Group align="flex-start" wrap="nowrap" gap="md">
        <img src={address(`spares/${one.id}/label`)} alt={t('spare.qr', { part: one.part })} width={120} height={120} style={{ background: '#fff', flex: 'none' }} />
        <Box style={{ minWidth: 0 }}>
          <Text fw={600} className="wrap">{one.name}</Text>
          <Facts of={[[t('spare.bin'), one.bin], [t('spare.onHand'), f.number(one.on_hand)], [t('spare.reserved'), f.number(one.reserved)], [t('spare.counted'), f.when(one.counted)]]} />
        </Box>
      </Group>
      <Text fw={600} size="sm" mt="sm">{t('spare.usedBy')}</Text>
      {one.used_by.map((use) => <Text key={use.asset + (use.failure_mode ?? '')} size="sm" className="wrap">{f.number(use.quantity)} × {use.asset}{use.failure_mode ? ` · ${t(`code.mode.${use.failure_mode}`, { defaultValue: use.failure_mode })}` : ''}</Text>)}
      {one.used_by.length === 0 && <Text size="sm" c="dimmed">{t('word.none')}</Text>}
      <Text fw={600} size="sm" mt="sm">{t('spare.instead')}</Text>
      {one.instead.map((other) => <Text key={other.part} size="sm"><Link to="/spares" search={{ part: other.part }} className="tap">{other.part}</Link> {other.name} · {t('spare.bin')} {other.bin} · {t('spare.available')} {f.number(other.available)}</Text>)}
      {one.instead.length === 0 && <Text size="sm" c="dimmed">{t('word.none')}</Text>}
      {may && (
        <Group gap="xs" mt="sm" align="flex-end">
          <NumberInput label={t('spare.countLabel')} min={0} w={170} value={counted} onChange={setCounted} hideControls />
          <Button loading={count.isPending} disabled={counted === ''} onClick={() => count.mutate(undefined)} data-count>{t('spare.count')}</Button>
        </Group>
      )}
      <Text fw={600} size="sm" mt="sm">{t('spare.moves')}</Text>
      <Scroll minWidth={480} mah={260}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('spare.when')}</Table.Th><Table.Th>{t('move.what')}</Table.Th><Table.Th className="figure">{t('spare.quantity')}</Table.Th><Table.Th className="figure">{t('spare.onHand')}</Table.Th><Table.Th>{t('word.note')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{one.moves.map((move, at) => <Table.Tr key={at}><Table.Td className="nowrap">{f.when(move.at)}</Table.Td><Table.Td>{t(`move.${move.kind}`, { defaultValue: move.kind })}</Table.Td><Table.Td className="figure">{f.number(move.quantity)}</Table.Td><Table.Td className="figure">{f.number(move.on_hand)}</Table.Td><Table.Td><Text size="xs" className="wrap">{move.by}{move.note ? ` · ${move.note}` : ''}</Text>{move.order_id && <Link to="/orders/$id" params={{ id: move.order_id }} className="tap">{t('word.open')}</Link>}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </Scroll>
    </>
  );
}
