/** @module A lock between processes of one machine: a folder, whose maker owns it as long as it touches it. */
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The owner touches the folder this often; after `STALE_MS` without a touch it is taken for dead. */
const TOUCH_MS = 2_000;
const STALE_MS = 30_000;
const LOOK_MS = 200;

/**
 * Runs `work` while holding the lock `folder`. Waits while another process holds it; takes over when that one is dead.
 *
 * @template T
 * @param {string} folder
 * @param {(text: string) => void} say
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(folder, say, work) {
  await acquire(folder, say);
  const touch = setInterval(() => touchNow(folder), TOUCH_MS);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function acquire(folder, say) {
  let told = false;
  while (!tryAcquire(folder)) {
    if (!told) say(`Set-up: process ${ownerOf(folder) ?? '?'} is at it already; waiting for it`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** True when the lock is now ours. */
export function tryAcquire(folder) {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return isStale(folder) && takeOver(folder);
  }
  writeOwner(folder);
  return true;
}

/**
 * Takes the folder over in place. Of several that find the same dead owner exactly one makes the folder that names it,
 * so nobody removes a lock that somebody else has just taken.
 */
function takeOver(folder) {
  try {
    mkdirSync(join(folder, `after-${ownerOf(folder) ?? 'nobody'}`));
  } catch {
    return false;
  }
  writeOwner(folder);
  touchNow(folder);
  return true;
}

function isStale(folder) {
  const owner = ownerOf(folder);
  const ageMs = ageOf(folder);
  if (ageMs === null) return false;
  return ageMs > STALE_MS || (owner !== null && !isAlive(owner));
}

function writeOwner(folder) {
  writeFileSync(join(folder, 'pid'), String(process.pid));
}

function ownerOf(folder) {
  try {
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function ageOf(folder) {
  try {
    return Date.now() - statSync(folder).mtimeMs;
  } catch {
    return null;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function touchNow(folder) {
  try {
    const now = new Date();
    utimesSync(folder, now, now);
  } catch {
    // Removed by hand: the work goes on, and the next one starts with a new lock.
  }
}
