/** @module A map by cluster, namespace and name, nested so that looking up makes no text and no garbage. */

export class NameMap<Value> {
  readonly #clusters = new Map<string, Map<string, Map<string, Value>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(cluster: string, namespace: string, name: string): Value | undefined {
    return this.#clusters.get(cluster)?.get(namespace)?.get(name);
  }

  /** The value held, or what `make` makes, kept from then on. */
  getOrMake(cluster: string, namespace: string, name: string, make: () => Value): Value {
    const names = child(child(this.#clusters, cluster), namespace);
    let value = names.get(name);
    if (value === undefined) {
      value = make();
      names.set(name, value);
      this.#size += 1;
    }
    return value;
  }

  *values(): Generator<Value> {
    for (const namespaces of this.#clusters.values()) {
      for (const names of namespaces.values()) yield* names.values();
    }
  }
}

function child<Inner>(outer: Map<string, Map<string, Inner>>, key: string): Map<string, Inner> {
  let inner = outer.get(key);
  if (inner === undefined) {
    inner = new Map();
    outer.set(key, inner);
  }
  return inner;
}
