/**
 * Digests of what is held in memory.
 *
 * @module
 */

/**
 * SHA-256, found by a thread of the runtime.
 *
 * Unlike the module of Node it costs nothing to load, but it takes no file in pieces.
 *
 * @param data Bytes, or text that is taken as UTF-8.
 * @returns Hexadecimal digits.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.match(await sha256("abc"), /^ba7816bf8f01cfea4141[0-9a-f]{44}$/); // FIPS 180-2, B.1
 * ```
 */
export async function sha256(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
