import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** Asks for a word of reason before something is done. */
export function AskReason({ title, about, label, need = false, confirm, busy = false, onDone, onClose }: { title: string; about?: ReactNode; label: string; need?: boolean; confirm: string; busy?: boolean; onDone: (text: string) => void; onClose: () => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <form onSubmit={(event) => { event.preventDefault(); onDone(text.trim()); }}>
        <Stack gap="sm">
          {about && <Text size="sm" component="div">{about}</Text>}
          <Textarea label={label} required={need} value={text} onChange={(event) => setText(event.currentTarget.value)} autosize minRows={2} data-autofocus />
          <Group justify="flex-end" gap="xs">
            <Button onClick={onClose}>{t('action.cancel')}</Button>
            <Button type="submit" variant="filled" loading={busy} disabled={need && !text.trim()}>{confirm}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** Asks whether somebody means it: for what cannot be taken back by another press. */
export function Sure({ title, about, confirm, busy = false, onDone, onClose }: { title: string; about: ReactNode; confirm: string; busy?: boolean; onDone: () => void; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Stack gap="sm">
        <Text size="sm" component="div">{about}</Text>
        <Group justify="flex-end" gap="xs">
          <Button onClick={onClose} data-autofocus>{t('action.cancel')}</Button>
          <Button variant="filled" loading={busy} onClick={onDone}>{confirm}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
