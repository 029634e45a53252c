/** @module Addresses of backends over gRPC: `host:port`, with or without a scheme that says whether there is TLS. */
import { type Endpoint, parseEndpoint } from '../../pipeline/config/types.ts';

export interface GrpcTarget extends Endpoint {
  /** Null: the address does not say. */
  readonly isSecure: boolean | null;
}

export interface TargetProblem {
  readonly message: string;
  readonly mend: string;
}

const WITH_SCHEME = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is;
const MEND = 'write host:port, for example otlp.example.com:4317, or https://otlp.example.com:4317';
const SECURE_BY_SCHEME: ReadonlyMap<string, boolean | null> = new Map([
  ['http', false],
  ['https', true],
  ['dns', null],
]);
/** Names of hosts, and addresses; what else could mean something to whoever resolves it stays out. */
const HOST = /^(?:[0-9a-z_](?:[0-9a-z_.-]*[0-9a-z_])?\.?|[0-9a-f:.]+)$/i;

/** The address that `text` tells, or what is wrong with it. Pure. */
export function parseGrpcTarget(text: string): GrpcTarget | TargetProblem {
  const [, scheme, rest = ''] = WITH_SCHEME.exec(text) ?? [];
  const isSecure = scheme === undefined ? null : SECURE_BY_SCHEME.get(scheme.toLowerCase());
  if (isSecure === undefined)
    return {
      message: `${scheme}:// is no scheme of an address for gRPC`,
      mend: 'write host:port, http://, https:// or dns:///',
    };
  if (scheme?.toLowerCase() !== 'dns') return parsed(scheme === undefined ? text : rest.replace(/\/$/, ''), isSecure);
  if (!rest.startsWith('/'))
    return {
      message: 'dns:// names a server to ask, which is not supported',
      mend: 'write dns:///host:port, with three slashes',
    };
  return parsed(rest.slice(1), isSecure);
}

function parsed(text: string, isSecure: boolean | null): GrpcTarget | TargetProblem {
  if (text.includes('@')) return { message: 'the address holds a user name', mend: USER_MEND };
  if (/[/?#]/.test(text))
    return { message: 'the address has a path', mend: 'leave it out: gRPC knows no paths of its own' };
  const endpoint = parseEndpoint(text);
  if (endpoint === null) return { message: portProblem(text), mend: MEND };
  if (endpoint.host === '') return { message: 'the address has no host', mend: MEND };
  if (endpoint.port === 0) return { message: 'nobody listens on port 0', mend: MEND };
  if (!HOST.test(endpoint.host)) return { message: 'the address has no name of a host', mend: MEND };
  return { ...endpoint, isSecure };
}

const USER_MEND = 'write it as headers: { authorization: "${env:NAME}" }';

function portProblem(text: string): string {
  if (text === '') return 'the address is empty';
  const isBareIpv6 = text.includes('::') && !text.includes('[');
  if (isBareIpv6) return `${text} needs brackets: [${text}]:4317`;
  return text.lastIndexOf(':') > text.lastIndexOf(']')
    ? 'the port is no number from 1 to 65535'
    : 'the address has no port';
}
