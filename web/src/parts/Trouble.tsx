import { Alert, Button, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

/** Something went wrong: what, how to mend it, and another try. */
export function Trouble({ title, detail = '', hint = '', retry }: { title: string; detail?: string; hint?: string; retry?: () => void }) {
  const { t } = useTranslation();
  return (
    <Alert role="alert" variant="outline" color="slate" m="sm" icon={<IconAlertTriangle size={20} aria-hidden color="var(--alarm-1)" />} title={<Text fw={700} c="var(--alarm-1)" size="sm">{title}</Text>}>
      {detail && <Text size="sm" className="wrap">{detail}</Text>}
      {hint && <Text size="sm" fw={600}>{hint}</Text>}
      {retry && <Button mt="xs" onClick={retry}>{t('action.retry')}</Button>}
    </Alert>
  );
}
