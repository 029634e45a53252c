/** @module Reads ava's TAP output as it comes: counts, and the text of what failed. Pure. */

/**
 * @typedef {{ passed: number, failed: number, skipped: number, todo: number, failures: string[] }} TapCounts
 */

const SKIPPED = 'SKIPPED: ';

/**
 * What a test logs first when it finds that it cannot run here: ava has no skipping at run time, so that it passes, and
 * this line makes it count as skipped.
 */
export function skipLine(title, why) {
  return `${SKIPPED}${title}: ${why}`;
}

/** Whether `text`, the line below `ok … - name`, is the test's own word that it skipped. */
function saysSkipped(text, name) {
  return text.startsWith(`#   ${skipLine(name.split(' › ').at(-1), '')}`);
}

/**
 * Feed it pieces of output in order. A line counts only at the left edge: what a test printed or compared is indented or
 * behind `#`. `onFailure` gets each failed test's name and its indented details once they are whole.
 *
 * @param {(name: string, details: string) => void} onFailure
 */
export function createTapReader(onFailure = () => {}) {
  /** @type {TapCounts} */
  const counts = { passed: 0, failed: 0, skipped: 0, todo: 0, failures: [] };
  let rest = '';
  /** @type {{ name: string, details: string[] } | null} */
  let failure = null;
  /** Name of the test whose `ok` was the line before. */
  let justPassed = null;

  function endFailure() {
    if (failure === null) return;
    onFailure(failure.name, failure.details.join('\n'));
    failure = null;
  }

  function line(text) {
    const result = /^(not )?ok \d+(?: - (.*?))?(?: # (SKIP|TODO)\b.*)?$/.exec(text);
    if (result === null) {
      if (justPassed !== null && saysSkipped(text, justPassed)) {
        counts.passed -= 1;
        counts.skipped += 1;
      }
      justPassed = null;
      if (failure !== null && (text.startsWith('  ') || text.startsWith('#'))) failure.details.push(text);
      return;
    }
    endFailure();
    justPassed = null;
    const [, not, name = '', directive] = result;
    if (directive === 'SKIP') counts.skipped += 1;
    else if (directive === 'TODO') counts.todo += 1;
    else if (not === undefined) {
      counts.passed += 1;
      justPassed = name;
    } else {
      counts.failed += 1;
      counts.failures.push(name);
      failure = { name, details: [] };
    }
  }

  return {
    counts,
    feed(piece) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const text of lines) line(text.replace(/\r$/, ''));
    },
    end() {
      if (rest !== '') line(rest);
      rest = '';
      endFailure();
    },
  };
}

/** The last line of `npm test`: `12 passed, 0 failed`, and how many were skipped when some were. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
