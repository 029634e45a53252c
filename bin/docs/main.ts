/** @module `npm run docs`: writes the pages that are made from the sources. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { metricsOf, metricsPage } from './metrics-page.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The metrics page as the sources say it now. */
export function currentMetricsPage(): string {
  const files = ['pipeline', 'receivers', 'processors', 'exporters'].flatMap(sourceFiles).sort();
  return metricsPage(files.flatMap((file) => metricsOf(file, readFileSync(join(ROOT, file), 'utf8'))));
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(ROOT, 'docs/reference/metrics.md'), currentMetricsPage());
  process.stdout.write('wrote docs/reference/metrics.md\n');
}
