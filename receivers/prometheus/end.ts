/** @module One end of an edge from the labels of a series: which label names its workload, namespace, service and so on. */
import {
  type Identity,
  type Labels,
  type Peer,
  RESOURCE_KINDS,
  type ResourceKind,
  type Workload,
} from '../../pipeline/model/resource.ts';

/** Where one field comes from: a label of the series (or its target), or a fixed text. */
export type FieldSource = { readonly label: string } | { readonly value: string };

/** How an end is read; a field that is absent is not told. */
export interface EndMapping {
  readonly cluster?: FieldSource | undefined;
  readonly namespace?: FieldSource | undefined;
  readonly workload?: FieldSource | undefined;
  readonly kind?: FieldSource | undefined;
  readonly pod?: FieldSource | undefined;
  readonly service?: FieldSource | undefined;
  readonly service_namespace?: FieldSource | undefined;
  readonly service_account?: FieldSource | undefined;
}

/** An account is a field of its own. */
const KINDS: readonly ResourceKind[] = RESOURCE_KINDS.filter((kind) => kind !== 'ServiceAccount');
const KIND_BY_WORD = new Map(KINDS.map((kind) => [kind.toLowerCase(), kind]));

/** Reads fields of one end; texts in `unknown` count as not told. */
export class EndReader {
  readonly #mapping: EndMapping;
  readonly #unknown: ReadonlySet<string>;

  constructor(mapping: EndMapping, unknown: ReadonlySet<string>) {
    this.#mapping = mapping;
    this.#unknown = unknown;
  }

  /** The far end. Its workload is the one named, else the service it was asked for by, else null: nobody knows. */
  peerOf(labels: Labels, own: Identity): Peer {
    const service = this.#text('service', labels);
    const namespace = this.#text('namespace', labels);
    const account = this.#text('service_account', labels);
    const serviceNamespace = this.#text('service_namespace', labels);
    const workload =
      this.#workloadOf(labels, own.workload.cluster) ?? serviceOf(own, service, serviceNamespace || namespace);
    return {
      workload: workload ?? accountOf(own, account, namespace),
      pod: this.#text('pod', labels),
      service,
      serviceNamespace: service === '' || serviceNamespace === workload?.namespace ? '' : serviceNamespace,
      serviceAccount: account,
    };
  }

  /** The near end when the series names its workload; null: it is the target's. */
  ownOf(labels: Labels, own: Identity): Identity | null {
    const workload = this.#workloadOf(labels, own.workload.cluster);
    if (workload === null) return null;
    const pod = this.#text('pod', labels);
    const serviceAccount = this.#text('service_account', labels);
    return { workload, pod, podUid: '', node: '', serviceAccount };
  }

  #workloadOf(labels: Labels, cluster: string): Workload | null {
    const name = this.#text('workload', labels);
    if (name === '') return null;
    const kind = KIND_BY_WORD.get(this.#text('kind', labels).toLowerCase()) ?? '';
    return {
      cluster: this.#text('cluster', labels) || cluster,
      namespace: this.#text('namespace', labels),
      name,
      kind,
    };
  }

  #text(field: keyof EndMapping, labels: Labels): string {
    const source = this.#mapping[field];
    if (source === undefined) return '';
    if ('value' in source) return source.value;
    const text = labels.get(source.label) ?? '';
    return this.#unknown.has(text) ? '' : text;
  }
}

function serviceOf(own: Identity, name: string, namespace: string): Workload | null {
  return name === '' ? null : { cluster: own.workload.cluster, namespace, name, kind: 'Service' };
}

function accountOf(own: Identity, name: string, namespace: string): Workload | null {
  return name === '' ? null : { cluster: own.workload.cluster, namespace, name, kind: 'ServiceAccount' };
}
