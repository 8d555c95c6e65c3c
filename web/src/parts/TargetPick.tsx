/** Where a score goes: only what nothing else delivers is offered; of the others is said what does. */
import { Select, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { own, type Target } from '../api/life';
import { Said } from './Said';

/** Those a score may go to, and those it may not with the reason; an input of the model is none of both. */
export function sorted(items: readonly Target[], inputs: readonly string[]): { free: string[]; others: Target[] } {
  const here = items.filter((one) => !inputs.includes(one.property));
  return { free: here.filter((one) => one.free).map((one) => one.property), others: here.filter((one) => !one.free) };
}

export function TargetPick({ model, value, onChange, taken }: { model: string; value: string; onChange: (path: string) => void; taken: readonly string[] }) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [wanted] = useDebouncedValue(text, 200);
  const answer = useQuery(own.targets(model, wanted && wanted !== value ? wanted : ''));
  const { free, others } = sorted(answer.data?.items ?? [], taken);
  const data = [...new Set([...(value ? [value] : []), ...free])];
  return (
    <div data-targets>
      <Select label={t('own.target')} description={t('own.targetHint')} searchable clearable clearButtonProps={{ 'aria-label': t('action.clear') }} searchValue={text} onSearchChange={setText} filter={({ options }) => options} value={value || null} onChange={(path) => onChange(path ?? '')} data={data} nothingFoundMessage={t(text ? 'word.none' : 'own.noneFree')} placeholder={t('word.searchProperty')} />
      {answer.data && free.length === 0 && !value && !text && <Text size="sm" mt={4}>{t('own.noneFree')}</Text>}
      {others.length > 0 && (
        <details>
          <summary><Text span size="sm">{t('own.notFree', { count: others.length })}</Text></summary>
          <ul className="plain">{others.map((one) => <li key={one.property}><Text size="sm" c="dimmed" className="wrap"><Said text={one.why} /></Text></li>)}</ul>
        </details>
      )}
    </div>
  );
}
