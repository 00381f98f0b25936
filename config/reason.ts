/**
 * What the operating system refused, in words.
 *
 * @module
 */

const WORDS = [
  [Deno.errors.NotFound, "there is no such file or folder"],
  [Deno.errors.PermissionDenied, "permission denied"],
  [Deno.errors.NotADirectory, "part of the path is a file"],
  [Deno.errors.AlreadyExists, "a file stands in its place"],
  [Deno.errors.IsADirectory, "it is a folder"],
] as const;

/**
 * Says why something failed, without the path, which the message around it names already.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * const error = new Deno.errors.NotFound("No such file or directory (os error 2): open 'x'");
 * assert.equal(reasonOf(error), "there is no such file or folder");
 * assert.equal(reasonOf(new Error("Disk full (os error 28): write")), "Disk full (os error 28)");
 * ```
 *
 * @param error What was caught.
 * @returns Words for the end of a message.
 */
export function reasonOf(error: unknown): string {
  const known = WORDS.find(([type]) => error instanceof type);
  if (known !== undefined) return known[1];
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/( \(os error \d+\)).*$/s, "$1");
}
