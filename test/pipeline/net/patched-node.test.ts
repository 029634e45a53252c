/** @module Versions of Node whose HTTP/2 has known flaws. */
import test from 'ava';
import { mendedNode } from '../../../pipeline/net/patched-node.ts';

for (const [version, mended] of [
  ['18.20.8', '22.23.5'],
  ['20.20.2', '22.23.5'],
  ['22.23.4', '22.23.5'],
  ['22.9.12', '22.23.5'],
  ['22.23.5', null],
  ['22.24.0', null],
  ['23.11.1', '24.22.3'],
  ['24.22.2', '24.22.3'],
  ['24.22.3', null],
  ['24.22.10', null],
  ['25.9.0', '26.13.1'],
  ['26.10.0', '26.13.1'],
  ['26.13.0', '26.13.1'],
  ['26.13.1', null],
  ['26.14.0-nightly20261120', null],
  ['27.0.0', null],
  ['', null],
] as const) {
  test(`Node ${version} ${mended === null ? 'has none that are known' : `has flaws that ${mended} has not`}`, (t) => {
    t.is(mendedNode(version), mended);
  });
}
