/** @module The logger's shape. Messages are constant, data goes into fields; never one line per item. */

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** Adds `fields` to each line, and hides `secrets` and parts of them wherever a line would quote them. */
  child(fields: object, secrets?: readonly string[]): Logger;
}
