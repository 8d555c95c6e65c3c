import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** A table wider than its place scrolls inside itself, by finger and by keyboard; the page never does. */
export function Scroll({ minWidth, mah, children }: { minWidth: number; mah?: number; children: ReactNode }) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const [wide, setWide] = useState(false);
  useEffect(() => {
    const at = box.current;
    if (!at) return undefined;
    const measure = new ResizeObserver(() => setWide(at.scrollWidth > at.clientWidth + 1 || at.scrollHeight > at.clientHeight + 1));
    measure.observe(at);
    if (at.firstElementChild) measure.observe(at.firstElementChild); // it grows with whatever stands in it, also when that is replaced
    return () => measure.disconnect();
  }, []);
  return (
    <div ref={box} style={{ overflow: 'auto', position: 'relative', maxHeight: mah }} tabIndex={0} {...(wide ? { role: 'region', 'aria-label': t('word.table') } : {})}>
      <div style={{ display: 'inline-block', verticalAlign: 'top', width: `max(100%, ${minWidth}px)` }}>{children}</div>
    </div>
  );
}
