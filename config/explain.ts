/**
 * Which value is in force, and who said so.
 *
 * @module
 */

/** A value that has a form in JSON. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** An effective value and where it came from. */
export interface Explained {
  /** Such as `path.base`, `unit.7DT07` or `stack.clipSigma`. */
  readonly name: string;
  /** The value itself; a row of a table is an object. */
  readonly value: JsonValue;
  /** `flag --base`, `environment GPPY_…`, `path.json:3` or `default`. */
  readonly source: string;
}

/** Environment variables, as far as they are set. */
export type Environment = Readonly<Record<string, string | undefined>>;
