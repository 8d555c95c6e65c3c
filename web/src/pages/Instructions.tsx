import { Badge, Box, Button, Group, Select, SimpleGrid, Text } from '@mantine/core';
import { IconAlertTriangle, IconLock, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { address } from '../api/client';
import { w, type Instruction } from '../api/workshop';
import { useMay } from '../app/session';
import { useFormat } from '../format/useFormat';
import { InstructionForm } from '../parts/InstructionForm';
import { Answer, PageHead, Panel } from '../parts/Page';

/** How it is done, step by step with pictures; every version is kept, and an order keeps the one it was made with. */
export default function Instructions() {
  const { t } = useTranslation();
  const { name } = useSearch({ from: '/plant/instructions' });
  const navigate = useNavigate();
  const may = useMay('maintenance.instruction');
  const [making, setMaking] = useState(false);
  return (
    <>
      <PageHead title={t('nav.instructions')} sub={t('instruction.sub')}>{may && <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setMaking(true)} data-add-instruction>{t('instruction.new')}</Button>}</PageHead>
      {making && <InstructionForm of={null} onClose={(made) => { setMaking(false); if (made) void navigate({ to: '/instructions', search: { name: made } }); }} />}
      <Answer of={useQuery(w.instructions)} empty={(list) => list.items.length === 0} none={t('instruction.none')}>
        {(list) => {
          const chosen = name ?? list.items[0]?.name ?? '';
          return (
            <>
              <Select label={t('instruction.choose')} searchable allowDeselect={false} value={chosen} onChange={(value) => value && void navigate({ to: '/instructions', search: { name: value } })} data={list.items.map((one) => ({ value: one.name, label: one.title }))} maw={560} mb="sm" />
              <Sheet key={chosen} name={chosen} />
            </>
          );
        }}
      </Answer>
    </>
  );
}

function Sheet({ name }: { name: string }) {
  const { t } = useTranslation();
  const f = useFormat();
  const [number, setNumber] = useState<number | undefined>();
  const [edit, setEdit] = useState<Instruction | null>(null);
  const may = useMay('maintenance.instruction');
  return (
    <Answer of={useQuery(w.instruction(name, number))}>
      {(one) => (
        <Panel title={one.title} extra={<Group gap={6}>{may && <Button size="xs" onClick={() => setEdit(one)} data-edit-instruction>{t('notify.change')}</Button>}<Select aria-label={t('instruction.version')} size="xs" w={230} allowDeselect={false} value={String(one.number)} onChange={(value) => value && setNumber(Number(value))} data={one.versions.map((version) => ({ value: String(version.number), label: `${t('instruction.version')} ${version.number} · ${f.when(version.at)}` }))} /></Group>}>
          {edit && <InstructionForm of={edit} onClose={() => { setEdit(null); setNumber(undefined); }} />}
          <Group gap={6} mb="xs">
            {one.content.hours !== undefined && <Badge color="slate" variant="outline">{f.number(one.content.hours)} h</Badge>}
            {Object.entries(one.content.skills ?? {}).map(([skill, level]) => <Badge key={skill} color="slate" variant="light" style={{ textTransform: 'none' }}>{t(`skill.${skill}`, { defaultValue: skill })} {level}</Badge>)}
          </Group>
          {(one.content.permits ?? []).map((permit) => <Group key={permit.text} gap={6} mb={6} wrap="nowrap"><IconLock size={18} aria-hidden /><Text size="sm" className="wrap"><strong>{permit.text}</strong>{permit.points?.length ? `: ${permit.points.join(', ')}` : ''}</Text></Group>)}
          <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} component="ol" style={{ listStyle: 'none', margin: 0, padding: 0 }}>
            {one.content.steps.map((step, at) => (
              <Box key={at} component="li" className="card pad">
                <Text size="sm" fw={600}>{at + 1}. {step.text}</Text>
                {(step.lower !== undefined || step.upper !== undefined) && <Text size="xs" c="dimmed">{step.lower !== undefined ? f.number(step.lower) : ''} … {step.upper !== undefined ? f.number(step.upper) : ''} {step.unit}</Text>}
                {step.kind !== 'check' && <Text size="xs" c="dimmed">{t(`stepKind.${step.kind}`)}</Text>}
                {step.warning && <Group gap={4} wrap="nowrap" mt={4}><IconAlertTriangle size={18} style={{ flex: 'none' }} aria-hidden /><Text size="sm" fw={700} className="wrap">{step.warning}</Text></Group>}
                {step.image && <img src={address(`documents/${step.image}/content`)} alt={t('instruction.picture', { step: at + 1 })} style={{ width: '100%', marginTop: 8, border: '1px solid var(--line)' }} />}
              </Box>
            ))}
          </SimpleGrid>
        </Panel>
      )}
    </Answer>
  );
}
