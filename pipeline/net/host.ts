/** @module Names of hosts: which texts name one that can be connected to, and the name of this one. */
import { isIPv4, isIPv6 } from 'node:net';
import { hostname } from 'node:os';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?$/;
/** A name whose last label looks like this is read as an IPv4 address by URL parsers, in octal or hexadecimal too. */
const NUMERIC_LABEL = /^(?:\d+|0[xX][0-9A-Fa-f]*)$/;

/** Name of this machine, in a container that of the container; never empty. */
export function hostName(): string {
  return hostname() || 'localhost';
}

/**
 * True for an IPv4 address of four decimal numbers without leading zeros, a DNS name that is no other spelling of one,
 * and, when it stood in brackets, an IPv6 address without a zone.
 */
export function isHost(host: string, bracketed: boolean): boolean {
  if (bracketed) return isIPv6(host) && !host.includes('%') && URL.canParse(`http://[${host}]/`);
  if (isIPv4(host)) return true;
  if (!NAME.test(host) || NUMERIC_LABEL.test(lastLabelOf(host))) return false;
  return URL.parse(`http://${host}/`)?.hostname === host.toLowerCase();
}

function lastLabelOf(host: string): string {
  const name = host.endsWith('.') ? host.slice(0, -1) : host;
  return name.slice(name.lastIndexOf('.') + 1);
}
