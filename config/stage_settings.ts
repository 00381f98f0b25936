/**
 * Parameters of stages as `gppy.toml` gives them.
 *
 * @module
 */

import { join } from "node:path";
import { parse, TomlError } from "smol-toml";
import * as z from "zod";
import { UsageError } from "./errors.ts";
import type { Explained, JsonValue } from "./explain.ts";

/** The form of `gppy.toml`: one section a stage, its parameters as keys. */
export const settingsSchema: z.ZodType<Record<string, Record<string, z.core.util.JSONType>>> = z
  .record(z.string(), z.record(z.string(), z.json()));

/** Sections of `gppy.toml`. */
export interface StageSettings {
  /** The file, or null if there is none. */
  readonly file: string | null;
  /** Values by section and key. */
  readonly sections: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
  /** Each value with the line that it stands on. */
  readonly explained: readonly Explained[];
}

/**
 * Reads `gppy.toml`.
 *
 * @param folder The site folder, or null for none.
 * @returns Its sections; none if there is no such file.
 * @throws {UsageError} With file and line, if it is not TOML or a value stands outside a section.
 */
export function readStageSettings(folder: string | null): StageSettings {
  if (folder === null) return { file: null, sections: {}, explained: [] };
  const path = join(folder, "gppy.toml");
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { file: null, sections: {}, explained: [] };
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`Cannot read "${path}": ${reason}`, {
      details: { file: path },
      cause: error,
    });
  }
  const sections = checkSettings(parseToml(text, path), text, path);
  return { file: path, sections, explained: explainSettings(sections, text, path) };
}

function parseToml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? "wrong";
    throw new UsageError(`Cannot read "${path}:${error.line}": ${what}`, {
      details: { file: path, line: error.line, column: error.column },
      cause: error,
    });
  }
}

function checkSettings(toml: unknown, text: string, path: string): StageSettings["sections"] {
  const result = settingsSchema.safeParse(toml);
  if (result.success) return result.data as StageSettings["sections"];
  const [section = "", key] = (result.error.issues[0]?.path ?? []).map(String);
  const line = key === undefined ? keyLine(text, "", section) : keyLine(text, section, key);
  const what = key === undefined
    ? `"${section}" stands outside a section such as [stack]`
    : `[${section}] "${key}" is neither text, number, truth value nor list`;
  throw new UsageError(`Cannot read "${path}:${line}": ${what}`, { details: { file: path, line } });
}

function explainSettings(
  sections: StageSettings["sections"],
  text: string,
  path: string,
): Explained[] {
  return Object.entries(sections).flatMap(([section, values]) =>
    Object.entries(values).map(([key, value]) => ({
      name: `${section}.${key}`,
      value,
      source: `${path}:${keyLine(text, section, key)}`,
    }))
  );
}

/** The line of a key in a section; of the section's head if the key is not found. */
function keyLine(text: string, section: string, key: string): number {
  let current = "";
  let head = 1;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const bracket = /^\s*\[\s*"?([^\]"]+?)"?\s*\]/.exec(line);
    if (bracket) current = bracket[1] ?? "";
    if (bracket && current === section) head = index + 1;
    const name = /^\s*"?([\w-]+)"?\s*=/.exec(line)?.[1];
    if (current === section && name === key) return index + 1;
  }
  return head;
}
