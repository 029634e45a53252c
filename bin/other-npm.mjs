/** @module Whether a person's own npm is at work in a checkout, where a second one would break both. Where there is no /proc, nobody knows. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What npm calls its process, and how it looks before it has done so; of its commands those that change node_modules. */
const CHANGES_PACKAGES =
  /(?:^|[/ ])npm(?:-cli\.js)?\s+((?:clean-install|ci|install|isntall|i|add|it|cit|update|up|rebuild|dedupe|prune|uninstall|remove|rm)\b)/;
const LOOK_MS = 500;

/**
 * The npm that changes packages in `root`, null for none. Neither a process above this one, which waits for it, nor one of
 * another user.
 *
 * @param {string} root
 * @param {string} [processes] where the system lists them
 * @returns {{ pid: number, command: string } | null}
 */
export function findNpm(root, processes = '/proc') {
  for (const name of listOf(processes)) {
    const command = CHANGES_PACKAGES.exec(commandOf(join(processes, name)))?.[1];
    if (command === undefined || cwdOf(join(processes, name)) !== root) continue;
    const pid = Number(name);
    if (!isAbove(pid, processes)) return { pid, command: `npm ${command}` };
  }
  return null;
}

/**
 * Waits until no npm of others changes packages in `root`; says once what it waits for. Resolves with whether it had to.
 *
 * @param {string} root
 * @param {(text: string) => void} say
 */
export async function waitForNpm(root, say) {
  let waited = false;
  for (let found = findNpm(root); found !== null; found = findNpm(root)) {
    if (!waited) say(`Set-up: \`${found.command}\` (process ${found.pid}) is under way here; waiting for it`);
    waited = true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return waited;
}

function listOf(processes) {
  try {
    return readdirSync(processes).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** '' for a process that has ended. */
function commandOf(folder) {
  try {
    return readFileSync(join(folder, 'cmdline'), 'utf8').replace(/\0+/g, ' ').trim();
  } catch {
    return '';
  }
}

/** '' for a process that has ended or is another user's. */
function cwdOf(folder) {
  try {
    return readlinkSync(join(folder, 'cwd'));
  } catch {
    return '';
  }
}

function isAbove(pid, processes) {
  for (let above = process.ppid; above > 1; above = parentOf(above, processes)) if (above === pid) return true;
  return false;
}

/** 0 when it is not known. The name, which may hold anything, stands between brackets; state and parent follow. */
function parentOf(pid, processes) {
  try {
    const stat = readFileSync(join(processes, String(pid), 'stat'), 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) || 0;
  } catch {
    return 0;
  }
}
