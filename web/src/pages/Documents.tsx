import { Button, FileButton, Group, Select, Table, Text, TextInput } from '@mantine/core';
import { IconUpload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address, ask } from '../api/client';
import { q, useCommand } from '../api/queries';
import { report } from '../app/notices';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { Answer, PageHead, Panel } from '../parts/Page';
import { Scroll } from '../parts/Scroll';

/** Manuals, drawings and protocols, kept beside the machine they speak of. */
export default function Documents() {
  const { t } = useTranslation();
  const f = useFormat();
  const [search, setSearch] = useState('');
  const [about, setAbout] = useState<string | null>(null);
  const may = useMay('documents.add');
  const assets = useQuery(q.assets).data?.items ?? [];
  const add = useCommand((file: File) => {
    const form = new FormData();
    form.append('file', file);
    form.append('name', file.name);
    if (about) form.append('about', about);
    return ask('documents', { method: 'POST', body: form });
  }, ['documents'], () => report(t('document.added')));
  const words = search.trim().toLowerCase();
  return (
    <>
      <PageHead title={t('nav.documents')} sub={t('document.sub')}><TextInput aria-label={t('document.search')} placeholder={t('document.search')} data-search value={search} onChange={(event) => setSearch(event.currentTarget.value)} /></PageHead>
      {may && (
        <Panel title={t('document.add')}>
          <Group gap="xs" align="flex-end">
            <Select label={t('document.about')} clearable searchable value={about} onChange={setAbout} data={assets.map((one) => one.path)} style={{ flex: '1 1 240px' }} maw={420} />
            <FileButton onChange={(file) => file && add.mutate(file)} inputProps={{ 'aria-label': t('document.choose') }}>{(props) => <Button {...props} variant="filled" leftSection={<IconUpload size={16} aria-hidden />} loading={add.isPending}>{t('document.choose')}</Button>}</FileButton>
          </Group>
        </Panel>
      )}
      <Panel pad={false} mt="sm">
        <Answer of={useQuery(q.documents)} empty={(list) => list.items.length === 0} none={t('document.none')}>
          {(list) => (
            <Scroll minWidth={480}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>{t('document.name')}</Table.Th><Table.Th>{t('document.about')}</Table.Th><Table.Th>{t('document.type')}</Table.Th><Table.Th className="figure">{t('document.size')}</Table.Th><Table.Th>{t('document.at')}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {list.items.filter((one) => !words || `${one.name} ${one.about ?? ''}`.toLowerCase().includes(words)).map((one) => (
                    <Table.Tr key={one.id}>
                      <Table.Td><a href={address(`documents/${one.id}/content`)} target="_blank" rel="noreferrer" className="tap">{one.name}</a></Table.Td>
                      <Table.Td>{one.about ?? '–'}</Table.Td>
                      <Table.Td><Text size="sm" className="wrap">{one.mime}</Text></Table.Td>
                      <Table.Td className="figure">{`${f.number(one.size / 1024, 1)} kB`}</Table.Td>
                      <Table.Td className="nowrap">{f.when(one.created)}</Table.Td>
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
