/** A property by its path, found while one types: nobody knows paths by heart. */
import { Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { q } from '../api/queries';

interface Props { label: string; description?: string; value: string; onChange: (path: string) => void; under?: string; kinds?: readonly string[]; required?: boolean }

export function PropertyPick({ label, description, value, onChange, under = '', kinds = ['measurement', 'transform', 'metric'], required = false }: Props) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [wanted] = useDebouncedValue(text, 200);
  const found = useQuery(q.propertiesLike(wanted && wanted !== value ? wanted : under)).data?.items ?? [];
  const data = [...new Set([...(value ? [value] : []), ...found.filter((one) => kinds.includes(one.kind) && one.type !== 'string' && one.type !== 'json').map((one) => one.path)])];
  return <Select label={label} {...(description ? { description } : {})} required={required} searchable clearable clearButtonProps={{ 'aria-label': t('action.clear') }} searchValue={text} onSearchChange={setText} filter={({ options }) => options} value={value || null} onChange={(path) => onChange(path ?? '')} data={data} nothingFoundMessage={t('word.none')} placeholder={t('word.searchProperty')} />;
}
