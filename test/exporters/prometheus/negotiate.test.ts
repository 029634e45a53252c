/** @module Which format and encoding a scraper gets for what it accepts. */
import test from 'ava';
import { acceptsGzip, formatFor } from '../../../exporters/prometheus/negotiate.ts';

/** As sent by Prometheus 2.42 and 3.x (prometheus/prometheus: scrape/scrape.go, config/config.go). */
const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
const PROTOBUF_FIRST =
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,' +
  'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

for (const [accept, format] of [
  [undefined, 'text'],
  ['', 'text'],
  ['*/*', 'text'],
  ['text/html,application/xhtml+xml,*/*;q=0.8', 'text'],
  ['text/plain', 'text'],
  ['text/plain;version=0.0.4', 'text'],
  ['text/*', 'text'],
  ['application/json', 'text'],
  ['application/openmetrics-text', 'openmetrics'],
  ['application/openmetrics-text; version=1.0.0; charset=utf-8', 'openmetrics'],
  ['application/openmetrics-text;version="1.0.0"', 'openmetrics'],
  ['Application/OpenMetrics-Text;Version=1.0.0', 'openmetrics'],
  ['application/openmetrics-text;version=0.0.1', 'text'],
  ['application/openmetrics-text;version=2.0.0', 'text'],
  ['application/openmetrics-text;q=0', 'text'],
  ['application/openmetrics-text;q=oops', 'text'],
  ['application/openmetrics-text;q=0.5,text/plain;q=0.6', 'text'],
  ['text/plain;q=0.5,application/openmetrics-text;q=0.5', 'openmetrics'],
  [PROMETHEUS_2, 'openmetrics'],
  [PROMETHEUS_3, 'openmetrics'],
  [PROTOBUF_FIRST, 'openmetrics'],
  [`${'a/b,'.repeat(100_000)}application/openmetrics-text`, 'text'],
] as const) {
  test(`Accept: ${accept?.slice(0, 90)}`, (t) => {
    t.is(formatFor(accept, true), format);
    t.is(formatFor(accept, false), 'text');
  });
}

for (const [accepted, gzip] of [
  [undefined, false],
  ['', false],
  ['identity', false],
  ['gzip', true],
  ['GZIP', true],
  ['deflate, gzip;q=0.5, br', true],
  ['gzip;q=0', false],
  ['gzip; q=0.0, *', false],
  ['*', true],
  ['*;q=0', false],
  ['x-gzip', false],
] as const) {
  test(`Accept-Encoding: ${accepted}`, (t) => t.is(acceptsGzip(accepted), gzip));
}
