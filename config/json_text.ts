/**
 * JSON with comments, and the lines that its keys stand on.
 *
 * @module
 */

import { UsageError } from "./errors.ts";

/**
 * Parses JSON in which `//`, `#` and block comments and trailing commas are allowed.
 *
 * @param text The whole file.
 * @param where Its name, for messages.
 * @returns The value.
 * @throws {UsageError} With line and column, if it is not JSON.
 */
export function parseJsonWithComments(text: string, where: string): unknown {
  const plain = blankComments(text);
  try {
    return JSON.parse(plain);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const place = /line (\d+) column (\d+)/.exec(message);
    const position = /position (\d+)/.exec(message);
    const line = place
      ? Number(place[1])
      : position
      ? plain.slice(0, Number(position[1])).split("\n").length
      : plain.trimEnd().split("\n").length;
    const what = message.replace(/ in JSON.*$/s, "");
    throw new UsageError(`Cannot read "${where}:${line}": ${what}`, {
      details: { file: where, line },
      cause: error,
    });
  }
}

/** Replaces comments and trailing commas by blanks, so that positions stay. */
function blankComments(text: string): string {
  const tokens = /"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//g;
  const blank = (part: string) => part.replace(/[^\n]/g, " ");
  return text.replace(/^\uFEFF/, " ")
    .replace(tokens, (token) => token.startsWith('"') ? token : blank(token))
    .replace(/"(?:[^"\\\n]|\\.)*"|,(?=\s*[}\]])/g, (token) => token === "," ? " " : token);
}

/**
 * Finds the line that a key of JSON stands on.
 *
 * @param text The whole file.
 * @param key The key.
 * @returns Its line, from 1; 1 if it is not there.
 */
export function lineOfKey(text: string, key: string): number {
  const at = blankComments(text).search(new RegExp(`${escape(JSON.stringify(key))}\\s*:`));
  return at < 0 ? 1 : text.slice(0, at).split("\n").length;
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
