/** @module The name that was probably meant. */

/** The nearest of `names` within two edits, or one that begins with `text` (or the other way round); null for none. */
export function nearest(text: string, names: Iterable<string>): string | null {
  const wanted = text.toLowerCase();
  let best: string | null = null;
  let bestDistance = 3;
  for (const name of names) {
    const distance = editDistance(wanted, name.toLowerCase(), bestDistance);
    if (distance < bestDistance && distance < Math.max(wanted.length, name.length)) {
      best = name;
      bestDistance = distance;
    }
  }
  if (best !== null || wanted.length < 3) return best;
  for (const name of names) {
    const known = name.toLowerCase();
    if (known.startsWith(wanted) || (known.length >= 3 && wanted.startsWith(known))) return name;
  }
  return null;
}

/** Edits between two texts (insert, delete, replace, swap of neighbours); `limit` when there are at least so many. */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 200) return limit;
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (old[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replaced, (old[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (older[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    older = old;
    old = row;
  }
  return Math.min(limit, old[b.length] ?? limit);
}
