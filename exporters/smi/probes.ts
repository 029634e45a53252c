/**
 * @module Health paths of the API listener, in the form of Kubernetes API servers.
 *
 * They pass as soon as the listener answers, also before the first slot: an API that is not ready would take discovery
 * down with it, and with discovery the deletion of namespaces.
 */
import type { HttpAnswer, HttpRequest } from '../../pipeline/net/http-server.ts';
import * as answers from './status.ts';

const CHECKS: readonly string[] = ['ping'];

/** `ok`; with `?verbose` one line a check; `/readyz/<check>` asks for one. */
export function probe({ method, path, query }: HttpRequest): HttpAnswer {
  if (method !== 'GET' && method !== 'HEAD') return answers.methodNotAllowed();
  const [name = '', check = '', ...rest] = path.split('/').slice(1);
  if (rest.length > 0 || (check !== '' && !CHECKS.includes(check))) return answers.text('404 page not found\n', 404);
  if (!query.has('verbose')) return answers.text('ok');
  const excluded = new Set(query.getAll('exclude'));
  const lines = CHECKS.map((each) => `[+]${each} ${excluded.has(each) ? 'excluded: ok' : 'ok'}\n`);
  return answers.text(`${lines.join('')}${name} check passed\n`);
}
