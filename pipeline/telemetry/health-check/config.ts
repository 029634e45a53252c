/** @module Configuration of the `health_check` extension. */
import { z } from 'zod';
import { endpoint, isLoopback } from '../../config/types.ts';

/** Paths that are there whatever `path` says. */
export const FIXED_PATHS: readonly string[] = ['/livez', '/readyz'];

/** Keys and defaults are those of the Collector's `health_check`, `insecure_allow` is Weir's. */
export const healthCheckConfig = z
  .strictObject({
    endpoint: endpoint().prefault('127.0.0.1:13133').meta({ description: 'address to listen on, host:port' }),
    path: z
      .string()
      .startsWith('/', { error: 'a path begins with /' })
      .refine((path) => !FIXED_PATHS.includes(path), { error: '/livez and /readyz have their own meaning' })
      .default('/')
      .meta({ description: 'path that answers 200 while pipelines run, otherwise 503' }),
    insecure_allow: z
      .boolean()
      .default(false)
      .meta({ description: 'allow an address that other machines reach, without TLS and credential' }),
  })
  .superRefine((config, context) => {
    if (config.insecure_allow || isLoopback(config.endpoint.host)) return;
    context.addIssue({
      code: 'custom',
      path: ['endpoint'],
      message: `other machines reach "${config.endpoint.host}", and this listener has no TLS and no credential`,
      params: { weir: 'WEIR1024', mend: 'listen on 127.0.0.1, or set insecure_allow: true' },
    });
  });

export type HealthCheckConfig = z.infer<typeof healthCheckConfig>;
