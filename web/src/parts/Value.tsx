import { useTranslation } from 'react-i18next';
import { unitText } from '../format/format';
import { useFormat } from '../format/useFormat';
import { useConnection } from '../live/socket';
import { useTag } from '../live/store';

/** One live value; what is stale, uncertain or bad looks different and says so in words. */
export function Value({ path, unit = '', digits, down = false }: { path: string; unit?: string | undefined; digits?: number | undefined; down?: boolean | undefined }) {
  const tag = useTag(path);
  const lost = useConnection() === 'lost';
  const f = useFormat();
  const { t } = useTranslation();
  if (!tag) return <span className="value">{f.value(null)}</span>;
  const look = tag.quality === 'bad' ? 'bad' : lost || down ? 'stale' : tag.quality === 'uncertain' ? 'uncertain' : '';
  return (
    <span className={`value ${look}`} data-path={path}>
      {f.value(tag.value, digits)}
      {unit && tag.value !== null ? ` ${unitText(unit)}` : ''}
      {look && <span className="why">{t(`quality.${look}`)}</span>}
    </span>
  );
}
