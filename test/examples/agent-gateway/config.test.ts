/** @module The configurations of the example are valid as they stand, and lead from one to the other. */
import test from 'ava';
import { parse } from 'yaml';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { renderProblems } from '../../../pipeline/config/print.ts';
import { registry } from '../../../pipeline/graph/registry.ts';
import { readRepositoryFile } from '../../kit/repository.ts';

const FOLDER = 'examples/agent-gateway';
const textOf = (name: string) => readRepositoryFile(`${FOLDER}/${name}.yaml`);

for (const name of ['agent', 'gateway']) {
  test(`${name}.yaml is valid, on its own`, async (t) => {
    const { config, problems } = await loadConfig([`${FOLDER}/${name}.yaml`], {
      env: {},
      registry,
      read: async () => textOf(name),
    });
    t.is(renderProblems(problems), '');
    t.not(config, null);
  });
}

test('the agent sends to where the gateway listens, in slots of the same length, and both run at once', (t) => {
  const agent = parse(textOf('agent'));
  const gateway = parse(textOf('gateway'));
  const { otlp } = gateway.receivers;
  t.is(agent.exporters.otlphttp.endpoint, `http://${otlp.protocols.http.endpoint}`);
  for (const { scrape_interval } of Object.values(agent.receivers) as { scrape_interval: string }[])
    t.is(scrape_interval, otlp.scrape_interval);
  const ports = [textOf('agent'), textOf('gateway')].flatMap((text) => [
    ...new Set(Array.from(text.matchAll(/(?:endpoint|address): (127\.0\.0\.1:\d+)/g), ([, address]) => address)),
  ]);
  t.is(ports.length, 6);
  t.is(new Set(ports).size, ports.length);
});
