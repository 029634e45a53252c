/** @module Types of `services.mjs`. */
export declare const KAFKA_VERSION: string;
/** Names what is missing. */
export declare class ServiceUnavailable extends Error {}
export interface KafkaInstallation {
  readonly home: string;
  /** Folder of the broker's jars. */
  readonly libs: string;
  /** Command that starts Java. */
  readonly java: string;
  readonly version: string;
}
export declare function ensureKafka(say?: (line: string) => void): Promise<KafkaInstallation>;
export declare const ENVOY_VERSION: string;
export interface EnvoyInstallation {
  readonly home: string;
  /** Path of the program. */
  readonly bin: string;
  readonly version: string;
}
export declare function ensureEnvoy(say?: (line: string) => void): Promise<EnvoyInstallation>;
export interface PrometheusInstallation {
  readonly home: string;
  /** Paths, or names on the path, of the two programs. */
  readonly bin: string;
  readonly promtool: string;
  readonly version: string;
}
export declare function ensurePrometheus(say?: (line: string) => void): Promise<PrometheusInstallation>;
