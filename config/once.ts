/**
 * Values that are made when they are first needed.
 *
 * @module
 */

/**
 * Makes a value when it is first asked for.
 *
 * @param make Makes it; if it throws, the next call tries again.
 * @returns Gives the same value at every call.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * let made = 0;
 * const value = once(() => ++made);
 * assert.deepEqual([made, value(), value(), made], [0, 1, 1, 1]);
 * ```
 */
export function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
