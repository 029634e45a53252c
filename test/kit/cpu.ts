/** @module CPU time of what is done at once, so that a test of how work grows does not depend on what else runs. */

/** Milliseconds of CPU that `work` took on this thread. */
export function cpuMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
