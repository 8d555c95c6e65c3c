import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const STATIC = resolve(import.meta.dirname, '../src/lineshaft/see/static');
const SERVER = process.env.LINESHAFT_SERVER ?? 'http://127.0.0.1:8787';

/** The page host hands out `file.gz` where it exists, so that no node spends time on compressing. */
function gzipped(): Plugin {
  const pack = (folder: string): void => {
    for (const name of readdirSync(folder)) {
      const file = join(folder, name);
      if (statSync(file).isDirectory()) pack(file);
      else if (/\.(js|css|html|svg|json)$/.test(name)) writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
    }
  };
  return { name: 'lineshaft-gzip', apply: 'build', closeBundle: () => pack(STATIC) };
}

/** Source maps are for the developer's server, never part of the wheel. */
export default defineConfig({
  plugins: [react(), gzipped(), { name: 'lineshaft-clean', apply: 'build', buildStart: () => rmSync(STATIC, { recursive: true, force: true }) }],
  build: { outDir: STATIC, emptyOutDir: true, target: 'es2022', sourcemap: false, assetsInlineLimit: 0, chunkSizeWarningLimit: 700 },
  server: { host: '127.0.0.1', port: 5173, proxy: { '/api': { target: SERVER, ws: true } } },
});
