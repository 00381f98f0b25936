/**
 * Long work of the main thread in pieces.
 *
 * @module
 */

/**
 * Lets everything go first that waits for the main thread: what threads and the disk have done.
 *
 * A message to itself takes some hundredths of a millisecond, a timer two.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * let done = false;
 * new Promise((resolve) => resolve(0)).then(() => done = true);
 * await nextTurn();
 * assert.ok(done);
 * ```
 */
export async function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  await new Promise<void>((resolve) => {
    port1.onmessage = () => resolve();
    port2.postMessage(undefined);
  });
  port1.close();
}
