/** @module Labels of static targets that are nearly identity labels, or name no workload, are warned of. */
import test from 'ava';
import { checkStaticLabels } from '../../../receivers/scrape/static-labels.ts';

const TARGETS = ['127.0.0.1:4191'];

/** Last path element of each warning. */
function warned(labels: Record<string, string>, targets: string[] = TARGETS): unknown[] {
  return checkStaticLabels([{ targets, labels: new Map(Object.entries(labels)) }]).map((issue) => {
    return issue.path.at(-1);
  });
}

const OWNED = { deployment: 'web' };

for (const label of ['namespac', 'Namespace', 'pods', 'ndoe', 'pod-uid', 'servce_account', 'clutser', 'statefullset']) {
  test(`"${label}" is warned of`, (t) => t.deepEqual(warned({ ...OWNED, [label]: 'x' }), [label]));
}

for (const label of ['zone', 'role', 'name', 'team', 'app', 'env', 'tier', 'os', 'instance', 'region', 'version']) {
  test(`"${label}" is a label of its own`, (t) => t.deepEqual(warned({ ...OWNED, [label]: 'x' }), []));
}

test('a label like one that is there as well is a label of its own', (t) => {
  t.deepEqual(warned({ ...OWNED, node: 'n', nodes: '3' }), []);
});

test('labels that name no workload are warned of once; no labels and no targets are not', (t) => {
  t.deepEqual(warned({ namespace: 'shop' }), ['labels']);
  t.deepEqual(warned({ namespace: 'shop', deploymnt: 'api' }), ['deploymnt']);
  t.deepEqual(warned({ namespace: 'shop', pod: 'api-1' }), []);
  t.deepEqual(warned({}), []);
  t.deepEqual(warned({ namespace: 'shop' }, []), []);
});
