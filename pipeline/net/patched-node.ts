/**
 * @module Which versions of Node have the known flaws of its HTTP/2 mended, by line.
 *
 * Source: CVE records and nodejs/node release notes. CVE-2026-123866 (2026-11-11, memory of other answers read after a stream
 * was reset) is mended in 22.23.5, 24.22.3 and 26.13.1; these hold what came before: CVE-2026-56848 and CVE-2026-56846
 * (22.23.2, 24.18.1, 26.5.1), CVE-2026-48937 (22.23.0, 24.17.0), CVE-2026-21714 (20.20.2, 22.22.2, 24.14.1, 25.8.2),
 * CVE-2025-59465 (20.20.0, 22.22.0, 24.13.0, 25.3.0), CVE-2024-27983 (18.20.1, 20.12.1, 21.7.2). Lines without an entry ended
 * before the newest of them.
 */

/** The newest flaw that is looked for. */
export const HTTP2_FLAW = 'CVE-2026-123866';

/** First version of each line without it, as minor and patch, oldest line first. */
const MENDED: ReadonlyMap<number, readonly [minor: number, patch: number]> = new Map([
  [22, [23, 5]],
  [24, [22, 3]],
  [26, [13, 1]],
]);
const NEWEST_LINE = Math.max(...MENDED.keys());

/**
 * The oldest version of Node that serves HTTP/2 without its known flaws, of the same line where that has one, else of the next;
 * null for a `version` (as in `process.versions.node`) that does, or that cannot be read.
 */
export function mendedNode(version: string): string | null {
  const [line = Number.NaN, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (Number.isNaN(line) || line > NEWEST_LINE) return null;
  for (const [mendedLine, [mendedMinor, mendedPatch]] of MENDED) {
    if (mendedLine < line) continue;
    const isMended = mendedLine === line && (minor > mendedMinor || (minor === mendedMinor && patch >= mendedPatch));
    return isMended ? null : `${mendedLine}.${mendedMinor}.${mendedPatch}`;
  }
  return null;
}
