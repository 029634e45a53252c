/** @module What a running Weir tells of itself, for benchmarks: its own metrics, and its memory as the system counts it. */
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** Where `weir run` that logs JSON serves its own metrics; what it logs after that is thrown away. */
export async function metricsAddress(weir: ChildProcess): Promise<string> {
  let text = '';
  for await (const piece of weir.stderr!.setEncoding('utf8')) {
    text += piece;
    const match = /"address":"([^"]+)"[^\n]*own metrics/.exec(text);
    if (match !== null) {
      weir.stderr!.resume();
      return `http://${match[1]}/metrics`;
    }
  }
  throw new Error(`weir run ended: ${text}`);
}

/** Sum of all samples of a metric whose labels contain a text. */
export async function readMetrics(url: string): Promise<(name: string, labels?: string) => number> {
  const text = await (await fetch(url)).text();
  const lines = text.split('\n');
  return (name, labels = '') =>
    lines
      .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(labels))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** Resident memory as the system counts it: `VmRSS` now, `VmHWM` at most so far; null where it does not say. */
export async function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status);
  return match === null ? null : Number(match[1]) * 1024;
}
