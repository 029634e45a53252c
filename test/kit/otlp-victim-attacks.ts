/** @module All attacks by name, with the cases of the threat model that each one is. */
import type { Attack } from './otlp-victim-attack.ts';
import { bombsOf, wrongCompression } from './otlp-victim-compression.ts';
import { frameFloods, rapidReset } from './otlp-victim-floods.ts';
import { largeHeaders, lies, twoWays } from './otlp-victim-framing.ts';
import { brokenJson, brokenProtobuf, mutations, oddSpans } from './otlp-victim-malformed.ts';
import { bucketsOfMesh, edgesOfMesh } from './otlp-victim-mesh.ts';
import { beyondTheLimit, minimalJsonBodies, minimalProtobuf } from './otlp-victim-sizes.ts';
import { crumbs, deafClients, slowClients } from './otlp-victim-slow.ts';

export const ATTACKS = {
  /** D1, T4 */
  'gzip bombs': bombsOf('gzip'),
  'deflate bombs': bombsOf('deflate'),
  'zstd bombs': bombsOf('zstd'),
  /** D2, D3 */
  'wrong compression': wrongCompression,
  /** D4, T5 */
  'minimal spans': minimalProtobuf('traces'),
  'minimal metrics': minimalProtobuf('metrics'),
  'minimal spans in JSON': minimalJsonBodies('traces'),
  'minimal metrics in JSON': minimalJsonBodies('metrics'),
  'buckets of a mesh': bucketsOfMesh,
  'edges of a mesh': edgesOfMesh,
  'beyond the limit': beyondTheLimit,
  /** D5 */
  'broken protobuf': brokenProtobuf,
  mutations,
  /** D6 */
  'broken JSON': brokenJson,
  /** D7, T24 */
  'two ways to read': twoWays,
  lies,
  /** D8, T11 */
  'slow clients': slowClients,
  'deaf clients': deafClients,
  crumbs,
  /** D9, T10 */
  'large headers': largeHeaders,
  /** D10 */
  'odd spans': oddSpans,
  /** T23 */
  'rapid reset': rapidReset,
  'frame floods': frameFloods,
} as const satisfies Readonly<Record<string, Attack>>;

export type AttackName = keyof typeof ATTACKS;
