/**
 * The Slack token and channel of `keys.dat`, kept out of every output.
 *
 * @module
 */

import { join } from "node:path";
import type { Environment } from "./explain.ts";

const HIDDEN = "***";

/** A text that shows as `***` wherever it is printed, logged or made JSON. */
export class Secret {
  readonly #value: string;

  /**
   * Hides a text.
   *
   * @param value The text.
   */
  constructor(value: string) {
    this.#value = value;
  }

  /** The text itself, for the one call that needs it. */
  reveal(): string {
    return this.#value;
  }

  /** Always `***`. */
  toString(): string {
    return HIDDEN;
  }

  /** Always `***`. */
  toJSON(): string {
    return HIDDEN;
  }

  /** Always `***`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return HIDDEN;
  }

  /** Always `***`. */
  [Symbol.for("Deno.customInspect")](): string {
    return HIDDEN;
  }
}

/**
 * The environment for programs that gppy starts: that of gppy without the token, which none of
 * them needs.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(childEnvironment({ GPPY_SLACK_TOKEN: "xoxb-1", TERM: "vt100" }), { TERM: "vt100" });
 * ```
 *
 * @param env Environment variables; those of the process if left out.
 * @returns To be given with `clearEnv`.
 */
export function childEnvironment(env: Environment = Deno.env.toObject()): Record<string, string> {
  const { GPPY_SLACK_TOKEN: _, ...rest } = env;
  return Object.fromEntries(
    Object.entries(rest).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** What Slack notices need. */
export interface SlackKeys {
  /** Bot token, `xoxb-…`. */
  readonly token: Secret;
  /** Channel name with `#`, or its id. */
  readonly channel: string;
}

/** Whether there are keys, and if not, why. */
export type KeysStatus =
  | { readonly state: "ok"; readonly keys: SlackKeys; readonly source: string }
  | { readonly state: "missing"; readonly message: string }
  | { readonly state: "refused" | "invalid"; readonly message: string };

/**
 * Reads the Slack keys: `GPPY_SLACK_TOKEN` and `GPPY_SLACK_CHANNEL` win over `keys.dat`.
 *
 * `keys.dat` holds a name and a value a line, parted by tabs or blanks:
 * `slack_token` (or `slack`) and `slack_channel`. Lines that start with `#` are
 * comments, the case of the names does not matter. A file that others may read is refused: its token is no secret.
 *
 * @param folder The site folder, or null for none.
 * @param env Environment variables.
 * @returns The keys, or why there are none; no message holds a value of the file.
 */
export function readSlackKeys(folder: string | null, env: Environment): KeysStatus {
  const file = folder === null ? undefined : readKeysFile(join(folder, "keys.dat"));
  if (file && "state" in file && !env["GPPY_SLACK_TOKEN"]) return file;
  const values = file && "values" in file ? file.values : new Map<string, string>();
  const token = env["GPPY_SLACK_TOKEN"] || values.get("slack_token");
  const channel = env["GPPY_SLACK_CHANNEL"] || values.get("slack_channel");
  if (!token) {
    const state = folder === null
      ? "there is no site folder with keys.dat"
      : `no slack_token in "${join(folder, "keys.dat")}"`;
    return { state: "missing", message: `Slack notices are off: ${state}` };
  }
  if (!channel) {
    return {
      state: "invalid",
      message: "Slack notices are off: there is a token but no slack_channel in keys.dat",
    };
  }
  const source = env["GPPY_SLACK_TOKEN"]
    ? "environment GPPY_SLACK_TOKEN"
    : join(folder ?? "", "keys.dat");
  return { state: "ok", keys: { token: new Secret(token), channel }, source };
}

type KeysFile = Exclude<KeysStatus, { state: "ok" }> | { readonly values: Map<string, string> };

function readKeysFile(path: string): KeysFile {
  const off = "Slack notices are off";
  try {
    const { mode } = Deno.statSync(path);
    if (mode !== null && (mode & 0o006) !== 0) {
      const bits = (mode & 0o777).toString(8);
      const message = `${off}: "${path}" may be read or changed by every user of this machine ` +
        `(mode ${bits}); run "chmod 600 ${path}", and renew the token if others had access`;
      return { state: "refused", message };
    }
    return parseKeys(Deno.readTextFileSync(path), path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { state: "missing", message: `${off}: there is no "${path}"` };
    }
    const reason = error instanceof Error ? error.message : String(error);
    return { state: "refused", message: `${off}: cannot read "${path}": ${reason}` };
  }
}

const NAMES: Readonly<Record<string, string>> = {
  slack: "slack_token",
  slack_token: "slack_token",
  slack_channel: "slack_channel",
};

function parseKeys(text: string, path: string): KeysFile {
  const values = new Map<string, string>();
  for (const [index, line] of text.replace(/^\uFEFF/, "").split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line) || /^\s*name\s+key\s*$/.test(line)) continue;
    const cells = line.trim().split(/\s+/);
    const name = NAMES[cells[0]?.toLowerCase() ?? ""];
    const wrong = name === undefined
      ? `the first word must be one of ${Object.keys(NAMES).join(", ")}`
      : cells.length !== 2
      ? `a name and one value are needed, found ${cells.length} words`
      : values.has(name)
      ? `${name} stands twice`
      : undefined;
    if (wrong !== undefined || name === undefined) {
      return { state: "invalid", message: `Slack notices are off: ${path}:${index + 1}: ${wrong}` };
    }
    values.set(name, cells[1] ?? "");
  }
  return { values };
}
