/**
 * @module Names of OTLP metrics → the samples that the tables of meshes know, undoing what a Collector makes of names.
 *
 * Its Prometheus receiver keeps names as they are, joins the buckets of a histogram under the name of the family, and with
 * `trim_metric_suffixes` takes `_total` and the unit off (contrib `pkg/translator/prometheus`).
 */
import type { Demand, FamilyRule, MeshRules } from '../../pipeline/model/rules.ts';
import type { MetricHead } from '../../pipeline/wire/otlp-metrics.ts';

/** `up` tells whether the Collector's scrape was good. */
export type PointForm = 'number' | 'histogram' | 'up';

/** What the points of a metric are to each mesh. */
export interface MetricUse {
  readonly form: PointForm;
  /** By mesh, the sample they are; null where the mesh does not know it. For histograms, that of the buckets. */
  readonly samples: (string | null)[];
  /** The first mesh that only a proxy of it has such points of; -1: they prove none. */
  proves: number;
}

/** The name of a sample as the mesh has it, or, with -1, the first mesh that knows it; '' for none. */
export function sampleName({ samples }: MetricUse, mesh = -1): string {
  return samples[mesh] ?? samples.find((name) => name !== null) ?? '';
}

/** The name of the family, as people know it, that the points of a mesh's metric are of. */
export function familyName(use: MetricUse, mesh: number): string {
  const name = sampleName(use, mesh);
  if (use.form === 'up') return 'up';
  return use.form === 'histogram' ? name.slice(0, -BUCKET.length) : name;
}

/** Last word of a name that a Collector may have taken off, by the unit it then told. */
const UNIT_WORDS: ReadonlyMap<string, string> = new Map([
  ['s', '_seconds'],
  ['ms', '_milliseconds'],
  ['By', '_bytes'],
]);
const TOTAL = '_total';
const BUCKET = '_bucket';

/** The metrics that something downstream wants, of the meshes with these tables. */
export class MetricNames {
  readonly #numbers = new Map<string, MetricUse>();
  readonly #histograms = new Map<string, MetricUse>();
  readonly #meshes: number;
  readonly #up: MetricUse;

  constructor(tables: readonly MeshRules[], demand: ReadonlySet<Demand>) {
    this.#meshes = tables.length;
    this.#up = { form: 'up', samples: tables.map(() => null), proves: -1 };
    tables.forEach((rules, mesh) => {
      for (const family of rules.families) if (isWanted(family, demand)) this.#add(family, rules, mesh);
    });
  }

  /** Null for metrics that no mesh has, and for those that do not say whether they are deltas. O(1). */
  find({ name, unit, kind, temporality }: MetricHead): MetricUse | null {
    if (kind === 'other' || (kind !== 'gauge' && temporality !== 1 && temporality !== 2)) return null;
    if (kind === 'histogram') return lookUp(this.#histograms, name, unit, '');
    if (name === 'up') return this.#up;
    return lookUp(this.#numbers, name, unit, kind === 'sum' ? TOTAL : '');
  }

  /** A mesh's metric that does not say whether its points are deltas, so that they count nowhere; else null. O(1). */
  findUntold(head: MetricHead): MetricUse | null {
    const { kind, temporality } = head;
    if ((kind !== 'sum' && kind !== 'histogram') || temporality === 1 || temporality === 2) return null;
    const use = this.find({ ...head, temporality: 2 });
    return use?.form === 'up' ? null : use;
  }

  #add(family: FamilyRule, rules: MeshRules, mesh: number): void {
    const { sample } = family;
    this.#use(this.#numbers, sample, 'number', sample, mesh, provesMesh(family, rules));
    if (!sample.endsWith(BUCKET)) return;
    const name = sample.slice(0, -BUCKET.length);
    this.#use(this.#histograms, name, 'histogram', sample, mesh, provesMesh(family, rules));
  }

  #use(
    uses: Map<string, MetricUse>,
    name: string,
    form: PointForm,
    sample: string,
    mesh: number,
    proves: boolean,
  ): void {
    const use: MetricUse = uses.get(name) ?? {
      form,
      samples: new Array<string | null>(this.#meshes).fill(null),
      proves: -1,
    };
    use.samples[mesh] = sample;
    if (proves && use.proves < 0) use.proves = mesh;
    uses.set(name, use);
  }
}

function isWanted({ demand }: FamilyRule, wanted: ReadonlySet<Demand>): boolean {
  return demand === null || wanted.has(demand);
}

/** What is always wanted may be any program's (`process_start_time_seconds`), unless it bears the name of the mesh. */
function provesMesh({ sample, demand }: FamilyRule, { mesh }: MeshRules): boolean {
  return demand !== null || sample.startsWith(`${mesh}_`);
}

/** `name` as it is, else with the words that may have been taken off: those of its unit, then `suffix`. */
function lookUp(uses: ReadonlyMap<string, MetricUse>, name: string, unit: string, suffix: string): MetricUse | null {
  const word = UNIT_WORDS.get(unit) ?? '';
  return uses.get(name) ?? uses.get(name + suffix) ?? uses.get(name + word) ?? uses.get(name + word + suffix) ?? null;
}
