import { Button, FileButton, Group, Modal, Select, SimpleGrid, Text, TextInput, UnstyledButton } from '@mantine/core';
import { IconPhoto, IconTrash, IconUpload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, ask } from '../api/client';
import { etl, type ImageInfo } from '../api/etl';
import { q, useCommand } from '../api/queries';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, Facts, PageHead, Panel } from '../parts/Page';

const SHOWN = ['image/png', 'image/jpeg', 'image/webp'];

/** Pictures of inspections, by asset and lot. */
export default function Images() {
  const { t } = useTranslation();
  const [lot, setLot] = useState('');
  const [asset, setAsset] = useState<string | null>(null);
  const [chosen, setChosen] = useState<ImageInfo | null>(null);
  const may = useMay('images.add');
  const assets = useQuery(q.assets).data?.items ?? [];
  const [judge, setJudge] = useState<string | null>(null);
  const judges = useQuery(etl.judges).data?.items ?? [];
  const add = useCommand((file: File) => {
    const form = new FormData();
    form.append('file', file);
    form.append('asset', asset ?? '');
    if (lot.trim()) form.append('lot', lot.trim());
    return ask(judge ? `images/to/${encodeURIComponent(judge)}` : 'images', { method: 'POST', body: form });
  }, ['images'], () => report(t(judge ? 'image.sent' : 'image.added')));
  return (
    <>
      <PageHead title={t('nav.images')} sub={t('image.sub')} />
      <Panel>
        <Group gap="xs" align="flex-end">
          <Select label={t('word.asset')} clearable searchable value={asset} onChange={setAsset} data={assets.map((one) => one.path)} style={{ flex: '1 1 220px' }} maw={420} />
          <TextInput label={t('image.lot')} data-search value={lot} onChange={(event) => setLot(event.currentTarget.value)} style={{ flex: '1 1 120px' }} maw={240} />
          {may && judges.length > 0 && <Select label={t('image.judge')} clearable value={judge} onChange={setJudge} placeholder={t('image.judgeNone')} data={judges.map((one) => ({ value: one.source, label: one.model ? `${one.source}: ${one.model}` : one.source }))} style={{ flex: '1 1 160px' }} maw={280} />}
          {may && <FileButton accept="image/*" disabled={!asset} onChange={(file) => file && add.mutate(file)} inputProps={{ 'aria-label': t('image.choose') }}>{(props) => <Button {...props} variant="filled" disabled={!asset} leftSection={<IconUpload size={16} aria-hidden />} loading={add.isPending}>{t('image.choose')}</Button>}</FileButton>}
        </Group>
        {may && !asset && <Text size="xs" c="dimmed" mt={4}>{t('image.assetFirst')}</Text>}
      </Panel>
      <Panel mt="sm">
        <Answer of={useQuery(etl.images(lot.trim(), asset))} empty={(list) => list.items.length === 0} none={t('image.none')}>
          {(list) => <SimpleGrid cols={{ base: 2, sm: 3, md: 4, lg: 6 }} spacing="sm">{list.items.map((one) => <Thumb key={one.id} one={one} open={() => setChosen(one)} />)}</SimpleGrid>}
        </Answer>
      </Panel>
      {chosen && <Shown one={chosen} close={() => setChosen(null)} />}
    </>
  );
}

function Thumb({ one, open }: { one: ImageInfo; open: () => void }) {
  const f = useFormat();
  const words = [one.asset, one.lot, one.result].filter(Boolean).join(', ');
  return (
    <UnstyledButton onClick={open} aria-label={words} style={{ minWidth: 0 }}>
      {SHOWN.includes(one.mime) ? <img src={address(`images/${one.id}/content`)} alt={words} loading="lazy" decoding="async" style={{ width: '100%', aspectRatio: '4 / 3', objectFit: 'contain', background: 'var(--page)', border: '1px solid var(--line)' }} /> : <IconPhoto size={48} aria-hidden />}
      <Text size="sm" fw={600} truncate>{one.lot ?? one.name}{one.result && ` · ${one.result}`}{one.score !== null && ` ${f.number(one.score * 100, 0)} %`}</Text>
      <Text size="xs" c="dimmed" truncate>{one.asset}</Text>
      <Text size="xs" c="dimmed">{f.when(one.timestamp)}</Text>
    </UnstyledButton>
  );
}

function Shown({ one, close }: { one: ImageInfo; close: () => void }) {
  const { t } = useTranslation();
  const f = useFormat();
  const may = useMay('images.delete');
  const [sure, setSure] = useState(false);
  const remove = useCommand(() => ask(`images/${one.id}`, { method: 'DELETE' }), ['images'], close);
  return (
    <Modal opened onClose={close} title={one.name} size="xl" closeButtonProps={{ 'aria-label': t('action.close') }}>
      {SHOWN.includes(one.mime) && <img src={address(`images/${one.id}/content`)} alt={one.name} style={{ maxWidth: '100%', maxHeight: '60vh', display: 'block' }} />}
      <Facts of={[[t('word.asset'), one.asset], [t('image.lot'), one.lot ?? '–'], [t('image.result'), one.result || '–'], ...(one.model ? [[t('image.model'), one.model], [t('image.score'), one.score === null ? '–' : `${f.number(one.score * 100, 1)} %`]] as [string, string][] : []), [t('image.station'), one.station || '–'], [t('image.at'), f.when(one.timestamp)], [t('image.size'), `${one.width ?? '?'} × ${one.height ?? '?'}, ${f.number(one.size / 1024, 1)} kB`]]} />
      {may && <Button mt="sm" leftSection={<IconTrash size={16} aria-hidden />} loading={remove.isPending} onClick={() => (sure ? remove.mutate(undefined) : setSure(true))}>{t(sure ? 'image.sure' : 'image.delete')}</Button>}
    </Modal>
  );
}
