/** @module Generated blocks inside pages that people write. */

/** The page with the text between `<!-- generated: name -->` and `<!-- end: name -->` replaced. Throws without them. */
export function replaceBlock(page: string, name: string, text: string): string {
  const begin = `<!-- generated: ${name} -->`;
  const end = `<!-- end: ${name} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the page has no block "${name}": expected ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n${text.trim()}\n${page.slice(to)}`;
}
