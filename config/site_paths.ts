/**
 * The folders of a site, as `path.json`, the environment and flags give them.
 *
 * @module
 */

import { isAbsolute, join } from "node:path";
import * as z from "zod";
import { absolutePath } from "./absolute_path.ts";
import { UsageError } from "./errors.ts";
import type { Environment, Explained } from "./explain.ts";
import { lineOfKey, parseJsonWithComments } from "./json_text.ts";

/** Where a site keeps its data; every path is absolute. */
export interface SitePaths {
  /** Folder of everything that gppy makes. */
  readonly base: string;
  /** Raw nights: `<obsdata>/<UNIT>/<night>`; never written to. */
  readonly obsdata: string;
  /** What `curate` fills. */
  readonly processed: string;
  /** Photometric reference catalogues. */
  readonly refcat: string;
  /** Astrometric reference catalogues for SCAMP. */
  readonly refScamp: string;
  /** Master frames, by unit. */
  readonly masters: string;
  /** Reference frames for subtraction, by filter. */
  readonly references: string;
  /** Work folders of nights, by unit. */
  readonly work: string;
  /** The log file of a unit. */
  log(unit: string): string;
}

/** The form of `path.json`. Paths may start with `~`, or be relative to the file's folder. */
export const pathSchema = z.strictObject({
  path_base: z.string().min(1).describe("Folder of everything that gppy makes"),
  path_obsdata: z.string().min(1).optional().describe("Raw nights, by unit"),
  path_processed: z.string().min(1).optional().describe("Products, by object, unit and filter"),
  path_refcat: z.string().min(1).optional().describe("Photometric reference catalogues"),
  path_ref_scamp: z.string().min(1).optional().describe("Astrometric reference catalogues"),
  path_log: z.string().min(1).optional().describe("Log file; <obs> stands for the unit"),
  path_masters: z.string().min(1).optional().describe("Master frames"),
  path_references: z.string().min(1).optional().describe("Reference frames, by filter"),
  path_work: z.string().min(1).optional().describe("Work folders of nights"),
});

type PathKey = keyof z.infer<typeof pathSchema>;

/** Where each folder lies under the base when nobody says otherwise. */
const DEFAULTS: Readonly<Record<Exclude<PathKey, "path_base">, string>> = {
  path_obsdata: "../obsdata",
  path_processed: "../processed_1x1_gain2750",
  path_refcat: "ref_cat",
  path_ref_scamp: "ref_scamp",
  path_log: "log/<obs>.log",
  path_masters: "master_frame_1x1_gain2750",
  path_references: "ref_frame",
  path_work: "work",
};

interface Given {
  readonly value: string;
  readonly source: string;
}

/** What decides about the folders. */
export interface PathOrigins {
  /** The site folder, or null for none. */
  readonly folder: string | null;
  /** Value of `--base`. */
  readonly base?: string | undefined;
  /** Environment variables. */
  readonly env: Environment;
}

/**
 * Finds the folders of a site.
 *
 * @param origins Site folder, flag and environment.
 * @returns The folders, and where each came from.
 * @throws {UsageError} If `path.json` cannot be read or is wrong.
 */
export function resolvePaths(origins: PathOrigins): { paths: SitePaths; explained: Explained[] } {
  const file = readPathFile(origins.folder);
  const base = resolveBase(origins, file);
  const explained: Explained[] = [{ name: "path.base", value: base.value, source: base.source }];
  const find = (key: Exclude<PathKey, "path_base">): string => {
    const given = fromEnvironment(key, origins.env) ?? file.get(key) ??
      { value: join(base.value, DEFAULTS[key]), source: "default" };
    const value = absolute(given.value.replaceAll("<path_base>", base.value), origins.env);
    explained.push({ name: key.replace("path_", "path."), value, source: given.source });
    return value;
  };
  const log = find("path_log");
  return {
    explained,
    paths: {
      base: base.value,
      obsdata: find("path_obsdata"),
      processed: find("path_processed"),
      refcat: find("path_refcat"),
      refScamp: find("path_ref_scamp"),
      masters: find("path_masters"),
      references: find("path_references"),
      work: find("path_work"),
      log: (unit) => log.replaceAll("<obs>", unit),
    },
  };
}

function resolveBase(origins: PathOrigins, file: ReadonlyMap<PathKey, Given>): Given {
  const given = (origins.base ? { value: origins.base, source: "flag --base" } : undefined) ??
    fromEnvironment("path_base", origins.env) ?? file.get("path_base") ??
    { value: "gppy", source: "default" };
  return { value: absolute(given.value, origins.env), source: given.source };
}

function fromEnvironment(key: PathKey, env: Environment): Given | undefined {
  const name = `GPPY_${key.toUpperCase()}`;
  const value = env[name];
  return value ? { value, source: `environment ${name}` } : undefined;
}

function absolute(path: string, env: Environment): string {
  const home = env["HOME"];
  const expanded = home && /^~(?=\/|$)/.test(path) ? join(home, path.slice(1)) : path;
  return absolutePath(expanded);
}

/** Values of `path.json`, made absolute from its folder where they are not. */
function readPathFile(folder: string | null): Map<PathKey, Given> {
  if (folder === null) return new Map();
  const path = join(folder, "path.json");
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw new UsageError(`Cannot read "${path}": ${reason(error)}`, {
      details: { file: path },
      cause: error,
    });
  }
  const values = checkPathFile(parseJsonWithComments(text, path), text, path);
  return new Map(
    Object.entries(values).flatMap(([key, value]) => {
      if (value === undefined) return [];
      const relative = !isAbsolute(value) && !/^(~|<path_base>)(\/|$)/.test(value);
      const line = lineOfKey(text, key);
      const given = { value: relative ? join(folder, value) : value, source: `${path}:${line}` };
      return [[key as PathKey, given] as const];
    }),
  );
}

function checkPathFile(json: unknown, text: string, path: string): z.infer<typeof pathSchema> {
  const result = pathSchema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const key = unknown ?? String(issue?.path[0] ?? "");
  const line = key === "" ? 1 : lineOfKey(text, key);
  const what = unknown !== undefined
    ? `unknown key "${unknown}"; known keys are ${Object.keys(pathSchema.shape).join(", ")}`
    : key === "path_base" && line === 1
    ? `"path_base" is required`
    : `${key === "" ? "" : `"${key}": `}${issue?.message ?? "wrong"}`;
  throw new UsageError(`Cannot read "${path}:${line}": ${what}`, {
    details: { file: path, line, ...(key === "" ? {} : { key }) },
  });
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
