/** @module Why a side was believed, in one sentence with the figures that decided. */
import type { Explained, SideFacts } from '../../pipeline/model/reading-explain.ts';
import type { Side } from '../../pipeline/model/rules.ts';

/** One sentence, without a full stop. */
export function reasonText(explained: Explained, subject: 'resource' | 'edge'): string {
  const carried = explained.carried ? '; a page missed just before the window brought calls from before it' : '';
  return beliefText(explained, subject) + carried + unheardText(explained);
}

/** Who to look after, so that the edge becomes complete. */
function unheardText({ unheard }: Explained): string {
  if (unheard === null) return '';
  const { count, named } = unheard;
  const names = named.map(({ namespace, name }) => (namespace === '' ? name : `${namespace}/${name}`)).join(', ');
  const more = count > named.length ? ` and ${count - named.length} more` : '';
  return `; not heard of whole, and maybe among these callers: ${names}${more}`;
}

function beliefText({ reason, side, sides }: Explained, subject: 'resource' | 'edge'): string {
  const other = side === 'client' ? 'server' : 'client';
  const heard = sides[other] === null ? '' : `; the ${other}'s side told ${factsText(sides[other])}`;
  switch (reason) {
    case 'only':
      return sides[side] === null ? 'nobody told of it' : `only the ${side}'s side told of it`;
    case 'saw_more':
      return `the ${side}'s side saw over 5 % more than the ${other}'s${moreText(sides, side)}${heard}`;
    case 'complete':
      return `the ${other}'s side, asked first, is incomplete (${lackText(sides[other])}), and the ${side}'s is complete${heard}`;
    case 'strangers':
      return 'the server counted callers it cannot name; what clients of it told themselves is taken off';
    case 'sum':
      return 'a sum of workloads, each from the side believed for it';
    case 'own':
      return side === 'server' ? 'only its own proxies may speak for it' : 'only clients know what they asked for';
    default:
      return `${subject === 'edge' ? 'an edge' : 'a workload'} is asked of the ${side}'s side first${heard}`;
  }
}

function factsText({ requests, reached, reckoned, counts, complete }: SideFacts): string {
  const lost = requests - reached;
  // What decided is not what was counted, where scrapes covered more or less than the window.
  const whole = Math.round(reckoned);
  const scaled = whole === reached ? '' : `, which makes ${whole} by what its scrapes covered`;
  const seen = lost === 0 ? '' : `, ${lost} of which no server saw`;
  return `${requests} ${counts}${seen}${scaled}${complete ? '' : ', and is incomplete'}`;
}

/** Retries are no evidence: then only successes were compared. */
function moreText(sides: Explained['sides'], side: Side): string {
  const retries = side === 'server' && sides.client?.counts === 'requests' && sides.server?.counts === 'attempts';
  return retries ? ', by its successes alone, as it counts retries' : '';
}

function lackText(facts: SideFacts | null): string {
  if (facts === null) return 'it told nothing';
  const lacks = [
    ...(facts.missed === 0 ? [] : [`${facts.missed} scrapes missed`]),
    ...(facts.resets === 0 ? [] : [`${facts.resets} resets`]),
  ];
  return lacks.length === 0 ? 'a first sight was only a baseline' : lacks.join(', ');
}
