/** @module Answers: JSON bodies, and `metav1.Status` as the only form of an error (Kubernetes API conventions). */
import type { HttpAnswer } from '../../pipeline/net/http-server.ts';
import { GROUP } from './resources.ts';

interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** Plural of the resource, as Kubernetes has it here. */
  readonly kind?: string;
  readonly retryAfterSeconds?: number;
}

export function json(body: string, status = 200, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

export function text(body: string, status = 200): HttpAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

function failure(
  code: number,
  reason: string,
  message: string,
  details?: StatusDetails,
  headers?: Readonly<Record<string, string>>,
): HttpAnswer {
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason };
  return json(JSON.stringify({ ...body, ...(details === undefined ? {} : { details }), code }), code, headers);
}

export function badRequest(message: string): HttpAnswer {
  return failure(400, 'BadRequest', message);
}

export function unauthorized(): HttpAnswer {
  return failure(401, 'Unauthorized', 'Unauthorized', undefined, { 'www-authenticate': 'Bearer' });
}

/** An object of a known resource that nobody knows. */
export function notFound(plural: string, name: string): HttpAnswer {
  const message = `${plural}.${GROUP} "${name}" not found`;
  return failure(404, 'NotFound', message, { name, group: GROUP, kind: plural });
}

/** What `/v1/explain` was asked for and nobody knows; `message` says what is near. */
export function unknownSubject(message: string): HttpAnswer {
  return failure(404, 'NotFound', message, {});
}

export function noSuchResource(): HttpAnswer {
  return failure(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): HttpAnswer {
  const message = 'the server does not allow this method on the requested resource';
  return failure(405, 'MethodNotAllowed', message, {}, { allow: 'GET, HEAD' });
}

export function watchNotSupported(plural: string): HttpAnswer {
  const message = `watch is not supported on resources of kind "${plural}.${GROUP}"`;
  return failure(405, 'MethodNotAllowed', message, { group: GROUP, kind: plural });
}

export function internalError(): HttpAnswer {
  return failure(500, 'InternalError', 'Internal error occurred: the answer could not be made; see the log of Weir');
}

/** Nothing to read yet, or any more. */
export function unavailable(message: string, retryAfterSeconds: number): HttpAnswer {
  const headers = { 'retry-after': String(retryAfterSeconds) };
  return failure(503, 'ServiceUnavailable', message, { retryAfterSeconds }, headers);
}
