/** Short lists as people type them: `mechanical 2, electrical 1`, and back. */
export function pairsOf(record: Record<string, number> | undefined): string {
  return Object.entries(record ?? {}).map(([name, value]) => `${name} ${value}`).join(', ');
}

/** What a name without a number means is told by `alone`. */
export function readPairs(text: string, alone = 1): Record<string, number> {
  const found: Record<string, number> = {};
  for (const one of text.split(/[,;\n]/).map((part) => part.trim()).filter(Boolean)) {
    const [, name = one, figure = ''] = /^(.*?)(?:\s+|\s*[*=:]\s*)(\d+(?:\.\d+)?)$/.exec(one) ?? [];
    found[name.trim()] = figure === '' ? alone : Number(figure);
  }
  return found;
}

/** Names of formulas and where they come from: `v = Bakery/Line 1/Oven/Power`, one a line. */
export function readNames(text: string): Record<string, string> {
  const lines = text.split('\n').map((line) => line.split('=')).filter((parts) => parts.length > 1);
  return Object.fromEntries(lines.map(([name = '', ...rest]) => [name.trim(), rest.join('=').trim()]));
}

export const namesOf = (record: Record<string, string> | undefined): string => Object.entries(record ?? {}).map(([name, path]) => `${name} = ${path}`).join('\n');
