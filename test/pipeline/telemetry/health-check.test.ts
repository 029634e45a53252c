/** @module The health_check extension and the metrics listener, over real sockets. */
import test from 'ava';
import { z } from 'zod';
import { Balance } from '../../../pipeline/balance.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import type { ExtensionSettings, ServiceStatus } from '../../../pipeline/component.ts';
import { type HealthCheckConfig, healthCheckConfig } from '../../../pipeline/telemetry/health-check/config.ts';
import { factory } from '../../../pipeline/telemetry/health-check/factory.ts';
import { createHealthCheck } from '../../../pipeline/telemetry/health-check/health-check.ts';
import { NO_METERS } from '../../../pipeline/telemetry/meters.ts';
import { startMetricsServer } from '../../../pipeline/telemetry/metrics-server.ts';
import { createMeters } from '../../../pipeline/telemetry/otel-meters.ts';
import { createLogger } from '../../../pipeline/telemetry/pino-logger.ts';
import { createTestClock } from '../../kit/clock.ts';

const log = createLogger({ level: 'error', encoding: 'json' });

function settings(config: object, status: () => ServiceStatus) {
  const clock = createTestClock();
  const built: ExtensionSettings<HealthCheckConfig> = {
    id: 'health_check',
    config: healthCheckConfig.parse({ endpoint: '127.0.0.1:0', ...config }),
    clock,
    time: createEngineTime(clock),
    log,
    meters: NO_METERS,
    balance: new Balance(),
    balanceOf: () => new Balance(),
    startedMs: clock.wallMs(),
    status,
  };
  return { clock, built };
}

const STARTING: ServiceStatus = { ready: false, phase: 'starting', reason: 'exporter kafka\nstarts' };
const RUNNING: ServiceStatus = { ready: true, phase: 'running', reason: '' };
const DRAINING: ServiceStatus = { ready: false, phase: 'draining', reason: 'SIGTERM' };

test('the answers follow the service from start to drain', async (t) => {
  let status = STARTING;
  const { clock, built } = settings({}, () => status);
  const health = createHealthCheck(built);
  await health.start();
  t.teardown(() => health.stop(new AbortController().signal));
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${health.port}${path}`);
    return { status: answer.status, body: await answer.text() };
  };
  t.is((await get('/')).status, 503);
  t.deepEqual(await get('/livez'), { status: 200, body: 'ok' });
  t.deepEqual(await get('/readyz'), {
    status: 503,
    body: '[+]process ok\n[-]pipelines failed: starting: exporter kafka starts\nreadyz check failed\n',
  });
  status = RUNNING;
  clock.advance(90_500);
  const up = await get('/');
  t.is(up.status, 200);
  t.deepEqual(JSON.parse(up.body), {
    status: 'Server available',
    upSince: '2023-11-14T22:13:20.000Z',
    uptime: '90.500s',
  });
  t.deepEqual(await get('/readyz'), { status: 200, body: 'ok' });
  t.deepEqual(await get('/readyz?verbose'), {
    status: 200,
    body: '[+]process ok\n[+]pipelines ok\nreadyz check passed\n',
  });
  t.deepEqual(await get('/livez?verbose'), { status: 200, body: '[+]process ok\nlivez check passed\n' });
  status = DRAINING;
  t.deepEqual(JSON.parse((await get('/')).body), { status: 'Server not available', reason: 'SIGTERM' });
  t.is((await get('/livez')).status, 200);
});

test('another path takes over from /, and stop may come without start and twice', async (t) => {
  const { built } = settings({ path: '/health' }, () => RUNNING);
  const health = await factory.create(built);
  const never = new AbortController().signal;
  await health.stop(never);
  await health.start();
  await health.stop(never);
  await health.stop(never);
  const again = createHealthCheck(built);
  await again.start();
  t.teardown(() => again.stop(never));
  t.is((await fetch(`http://127.0.0.1:${again.port}/health`)).status, 200);
  t.is((await fetch(`http://127.0.0.1:${again.port}/`)).status, 404);
});

test('a taken port ends the start with the key of the extension', async (t) => {
  const first = createHealthCheck(settings({}, () => RUNNING).built);
  await first.start();
  t.teardown(() => first.stop(new AbortController().signal));
  const second = createHealthCheck(settings({ endpoint: `127.0.0.1:${first.port}` }, () => RUNNING).built);
  await t.throwsAsync(second.start(), {
    message: /^extensions\.health_check\.endpoint: 127\.0\.0\.1:\d+ is already in use/,
  });
});

test('defaults are the Collector’s', (t) => {
  t.deepEqual(healthCheckConfig.parse({}), {
    endpoint: { host: '127.0.0.1', port: 13133 },
    path: '/',
    insecure_allow: false,
  });
});

const refused = test.macro({
  exec(t, config: object, path: string, message: RegExp) {
    const result = healthCheckConfig.safeParse(config);
    t.false(result.success);
    const issue = result.error?.issues[0];
    t.is(issue?.path.join('.'), path);
    t.regex(z.prettifyError(result.error ?? new z.ZodError([])), message);
  },
  title: (_, config) => `${JSON.stringify(config)} is refused`,
});
test(refused, { endpoint: '0.0.0.0:13133' }, 'endpoint', /other machines reach "0\.0\.0\.0"/);
test(refused, { endpoint: '[::]:13133' }, 'endpoint', /other machines reach "::"/);
test(refused, { path: 'health' }, 'path', /begins with \//);
test(refused, { path: '/livez' }, 'path', /own meaning/);
test(refused, { endpont: 'x' }, '', /endpont/);

test('insecure_allow opens it', (t) => {
  t.true(healthCheckConfig.safeParse({ endpoint: '0.0.0.0:13133', insecure_allow: true }).success);
});

test('/metrics serves the meters', async (t) => {
  const meters = createMeters();
  meters.gauge('weir_target_up', 'Up.', () => [{ value: 1, attributes: { target: 'a' } }]);
  const server = await startMetricsServer({ host: '127.0.0.1', port: 0, render: () => meters.render(), log });
  t.teardown(() => server.close());
  const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  t.is(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  t.regex(await answer.text(), /^weir_target_up\{target="a"\} 1$/m);
});
