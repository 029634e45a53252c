/**
 * @module What stands beside Envoy's part on a merged page: the agent's own metrics before it, the application's after it.
 * Neither is traffic; the application's start is not the proxy's.
 */

/** Time after which the application's process is replaced, its proxy's staying, milliseconds. */
const APPLICATION_LIFE_MS = 240_000;

/** Families of Envoy's part, `*` for any ending: what a page lacks when the agent cannot reach its Envoy. */
export const ENVOY_PART: readonly string[] = [
  'envoy_*',
  'istio_build',
  'istio_requests_total',
  'istio_request_*',
  'istio_response_*',
  'istio_tcp_*',
];

/** The agent's part of a page; `scrapes` with this one. */
export function agentPart(scrapes: number): string {
  return `# HELP istio_agent_endpoint_no_pod Endpoints without an associated pod.
# TYPE istio_agent_endpoint_no_pod gauge
istio_agent_endpoint_no_pod 0
# HELP istio_agent_go_info Information about the Go environment.
# TYPE istio_agent_go_info gauge
istio_agent_go_info{version="go1.24.2"} 1
# HELP istio_agent_outgoing_latency The latency of outgoing requests (e.g. to a token exchange server, CA, etc.) in milliseconds.
# TYPE istio_agent_outgoing_latency counter
istio_agent_outgoing_latency{request_type="csr"} 11.545366
# HELP istio_agent_scrapes_total The total number of scrapes.
# TYPE istio_agent_scrapes_total counter
istio_agent_scrapes_total ${scrapes}
`;
}

/** The application's part. Its process is younger than the pod and restarts now and then. */
export function applicationPart(podStartedMs: number, nowMs: number): string {
  const lives = Math.floor((nowMs - podStartedMs) / APPLICATION_LIFE_MS);
  const startedMs = podStartedMs + lives * APPLICATION_LIFE_MS + 800;
  const requests = Math.max(0, Math.floor((nowMs - startedMs) / 100));
  return `# HELP http_requests_total Requests the application has answered.
# TYPE http_requests_total counter
http_requests_total{code="200",method="get"} ${requests}
# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.
# TYPE process_start_time_seconds gauge
process_start_time_seconds ${startedMs / 1000}
`;
}
