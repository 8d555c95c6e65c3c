import { Code, Modal, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Facts } from './Page';
import { Said } from './Said';

export interface Message { hook: string; url: string; headers: Record<string, string>; body: string; state: string; why: string; hint: string }

/** A message as it would go out now: to whom, with which headers, and the body that is signed, byte for byte. */
export function AsSent({ of: one, onClose }: { of: Message; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened onClose={onClose} title={t('webhook.asSent', { hook: one.hook })} size="xl" data-as-sent>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">{t('webhook.notSent')}</Text>
        {one.why && <Text size="sm" component="div" className="wrap" fw={600}><IconAlertTriangle size={14} aria-hidden /> <Said text={one.why} />{one.hint && <> – <Said text={one.hint} /></>}</Text>}
        <Facts of={[[t('webhook.address'), <span key="url" className="wrap">POST {one.url}</span>], ...Object.entries(one.headers).map(([name, value]) => [name, <span key={name} className="wrap" style={{ overflowWrap: 'anywhere' }}>{value}</span>] as const)]} />
        <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }} data-body>{one.body}</Code>
      </Stack>
    </Modal>
  );
}
