/**
 * Work that goes on side by side.
 *
 * @module
 */

/**
 * Waits for all of several pieces of work, also when one fails: what is tidied up after that is
 * no longer in use.
 *
 * @param work The pieces, begun already.
 * @returns Their results, in order.
 * @throws What the first of them threw that failed, after the last has ended.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(await together([Promise.resolve(1), Promise.resolve("a")]), [1, "a"]);
 * ```
 */
export async function together<Work extends readonly unknown[] | []>(
  work: Work,
): Promise<{ -readonly [Piece in keyof Work]: Awaited<Work[Piece]> }> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}
