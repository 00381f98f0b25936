/**
 * Small text files, written beside and renamed.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { DataError } from "../config/errors.ts";

/**
 * Comma-separated values.
 *
 * @param rows The first holds the names; no cell may hold a comma or a quote.
 * @returns One line a row.
 */
export function csv(rows: readonly (readonly (string | number)[])[]): string {
  return rows.map((row) => row.join(",")).join("\n") + "\n";
}

/**
 * Writes a text, making folders where they are missing.
 *
 * @param path The file.
 * @param text Its content.
 * @throws {DataError} If it cannot be written.
 */
export async function writeText(path: string, text: string): Promise<void> {
  const part = join(dirname(path), `.${path.slice(dirname(path).length + 1)}.part`);
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(part, text);
    await Deno.rename(part, path);
  } catch (cause) {
    const state = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(`Cannot write "${path}": ${state}`, { details: { file: path }, cause });
  }
}
