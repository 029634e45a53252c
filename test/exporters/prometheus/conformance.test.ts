/** @module The `prometheus` exporter does what every exporter of traffic does. */
import { config } from '../../../exporters/prometheus/config.ts';
import { createPrometheusExporter } from '../../../exporters/prometheus/prometheus.ts';
import { testExporter } from '../../conformance/exporter.ts';
import { exporterBench } from '../../kit/exporter.ts';

/** It has no peer that refuses; what it has no room for is the like of it. */
testExporter('prometheus', () => {
  const wide = exporterBench('prometheus', config, { endpoint: '127.0.0.1:0' });
  const narrow = { ...wide.settings, config: { ...wide.settings.config, max_series: 1 } };
  let exporter = createPrometheusExporter(wide.settings);
  return {
    get exporter() {
      return exporter;
    },
    clock: wide.clock,
    balance: wide.balance,
    refuseAll() {
      exporter = createPrometheusExporter(narrow);
    },
    refusedReason: 'max_series',
  };
});
