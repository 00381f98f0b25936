/**
 * Paths that people give, made absolute.
 *
 * @module
 */

import { isAbsolute, join, normalize } from "node:path";

/**
 * Makes a path absolute, from the current folder where it is not.
 *
 * Unlike `resolve()` it does not load Node's process for that, which takes as long as reading a
 * small frame does.
 *
 * @param path Any path; a trailing slash goes.
 * @returns The path, without `.` and `..`.
 */
export function absolutePath(path: string): string {
  const whole = isAbsolute(path) ? normalize(path) : join(Deno.cwd(), path);
  return whole.replace(/(?<=[^/])\/$/, "");
}
