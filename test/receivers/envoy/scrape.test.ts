/** @module The receiver as it runs: what it tells of clusters whose names hold dots, and pages that are not whole. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { factory } from '../../../receivers/envoy/factory.ts';
import { startLiveWeir } from '../../kit/live-weir.ts';

const PAGE = readFileSync(new URL('../../data/envoy/envoy-1.40-client.prom', import.meta.url), 'utf8');

async function serve(t: ExecutionContext, page: string) {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': page.length }).end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, paths };
}

const at = (address: string) => ({
  static_configs: [{ targets: [address], labels: { namespace: 'shop', deployment: 'web' } }],
});

test('requests of clusters that nobody named are dropped with a reason, and told once with what mends it', async (t) => {
  t.timeout(30_000);
  const { address, paths } = await serve(t, PAGE);
  const weir = await startLiveWeir(factory, { ...at(address), params: { usedonly: [''] } }, 200);
  await weir.scraped();
  await weir.scraped();
  await weir.stop();
  const [books] = weir.balances;
  const pages = paths.length;
  t.true(pages >= 2);
  t.deepEqual([...books!.dropped], [['dotted_cluster', pages]], 'one line of each page');
  t.is(books!.unaccounted, 0);
  t.is(books!.held, 0);
  const told = weir.log.lines.filter(({ message }) => message.includes('dotted_clusters'));
  t.is(told.length, 1);
  t.like(told[0], { level: 'warn', fields: { target: address, samples: 1 } });
  t.true(
    paths.every((path) => path === '/stats/prometheus?usedonly='),
    paths[0],
  );
});

test('named, they are read and nothing is dropped', async (t) => {
  t.timeout(30_000);
  const { address } = await serve(t, PAGE);
  const weir = await startLiveWeir(factory, { ...at(address), dotted_clusters: ['reviews.default.svc'] }, 200);
  await weir.scraped();
  await weir.stop();
  t.deepEqual([...weir.balances[0]!.dropped], []);
  const peers = weir.sums.flatMap(({ records }) => records.map(({ key }) => key.peer.workload));
  t.true(peers.some((workload) => workload?.name === 'reviews' && workload.namespace === 'default'));
});

test('a page without envoy_server_live is a failed scrape', async (t) => {
  t.timeout(30_000);
  const { address, paths } = await serve(t, PAGE.replace(/^envoy_server_live.*\n/m, ''));
  const weir = await startLiveWeir(factory, at(address), 200);
  while (paths.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  await weir.stop();
  t.deepEqual(
    weir.sums.flatMap(({ records }) => records),
    [],
  );
  t.true(weir.log.lines.some(({ fields }) => fields.reason === 'partial_page'));
});
