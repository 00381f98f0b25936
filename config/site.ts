/**
 * A site: where its data lies, its telescopes, its files of settings.
 *
 * What a site folder does not hold comes from the defaults bundled with gppy.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { join } from "node:path";
import { absolutePath } from "./absolute_path.ts";
import { bundledFile } from "./bundled_files.ts";
import { readTables, type SiteTables } from "./_read_tables.ts";
import { UsageError } from "./errors.ts";
import type { Environment, Explained, JsonValue } from "./explain.ts";
import { once } from "./once.ts";
import { resolvePaths, type SitePaths } from "./site_paths.ts";
import {
  type Camera,
  ccdTable,
  type FringeFrame,
  fringeTable,
  type HeaderRule,
  obsTable,
  ruleTable,
  type Target,
  targetTable,
  type Unit,
} from "./site_tables.ts";
import { type KeysStatus, readSlackKeys, type SlackKeys } from "./slack_keys.ts";
import { readStageSettings, type StageSettings } from "./stage_settings.ts";
import type { PlacedRow } from "./table.ts";

export type { Camera, FringeFrame, HeaderRule, Target, Unit } from "./site_tables.ts";
export type { Explained, JsonValue } from "./explain.ts";
export type { SitePaths } from "./site_paths.ts";
export type { KeysStatus, SlackKeys } from "./slack_keys.ts";

/** A site: where its data lies, its telescopes, its files of settings. */
export interface Site {
  /** Folder of the site's own files, or null. */
  readonly folder: string | null;
  /** Where its data lies. */
  readonly paths: SitePaths;
  /** Every known telescope, by code. */
  readonly units: ReadonlyMap<string, Unit>;
  /** Cameras by gain setting. */
  readonly ccd: readonly Camera[];
  /** Fringe patterns to subtract. */
  readonly fringe: readonly FringeFrame[];
  /** Fields on the sky. */
  readonly targets: readonly Target[];
  /** Corrections of headers, in the order in which they apply; those of the site come first. */
  readonly headerRules: readonly HeaderRule[];
  /** Names of the sections of `gppy.toml`. */
  readonly settingsSections: readonly string[];
  /**
   * Finds a telescope.
   *
   * @param code Such as `7DT07`.
   * @returns Its properties.
   * @throws {UsageError} If it is unknown.
   */
  unit(code: string): Unit;
  /**
   * Finds the camera of a unit: the row of this gain setting, else of the unit, else of `*`.
   *
   * @param code Code of the unit.
   * @param gainSetting The driver's setting, from the header.
   * @returns Its properties, or undefined if `ccd.dat` has none.
   */
  camera(code: string, gainSetting?: number): Camera | undefined;
  /** Coordinates of a field by its name, letters in either case. */
  target(object: string): Target | undefined;
  /** Slack token and channel, or null; says once in the log why there are none. */
  keys(): SlackKeys | null;
  /** Whether there are Slack keys, and if not, why; says nothing in the log. */
  keysStatus(): KeysStatus;
  /**
   * Finds a file of settings: the site's own, else the bundled one.
   *
   * @param name Such as `7dt.sex`, `detect.param` or `gauss_3.0_7x7.conv`.
   * @returns An absolute path that external programs can open.
   * @throws {UsageError} If there is no such file.
   */
  file(name: string): string;
  /** The section of a stage in `gppy.toml`; empty if it has none. */
  stageSettings(stage: string): Record<string, unknown>;
  /** Every effective value and where it came from; secrets show as `***`. */
  explain(): Explained[];
}

/** Where to look for a site. */
export interface SiteOptions {
  /** Folder of the site's own files (`--config`); else `GPPY_CONFIG`; else none. */
  readonly folder?: string | undefined;
  /** Base folder (`--base`); else `GPPY_PATH_BASE`, `path.json`, or `./gppy`. */
  readonly base?: string | undefined;
  /** Environment variables; those of the process if left out. */
  readonly env?: Environment;
}

/**
 * Reads a site.
 *
 * @param options Where to look.
 * @returns The site, all its own tables checked.
 * @throws {UsageError} If the folder does not exist, or one of its files is wrong.
 */
// deno-lint-ignore require-await -- callers await, so that reading may become asynchronous
export async function loadSite(options: SiteOptions = {}): Promise<Site> {
  const env = options.env ?? Deno.env.toObject();
  const { folder, source } = findFolder(options, env);
  const tables = readTables(folder);
  const { paths, explained } = resolvePaths({ folder, base: options.base, env });
  return new FolderSite(folder, paths, tables, readStageSettings(folder), env, [
    { name: "config", value: folder, source },
    ...explained,
  ]);
}

function findFolder(
  options: SiteOptions,
  env: Environment,
): { folder: string | null; source: string } {
  const given = options.folder || env["GPPY_CONFIG"];
  if (!given) return { folder: null, source: "default" };
  const source = options.folder ? "flag --config" : "environment GPPY_CONFIG";
  const folder = absolutePath(given);
  let isDirectory: boolean;
  try {
    isDirectory = Deno.statSync(folder).isDirectory;
  } catch (error) {
    const state = error instanceof Deno.errors.NotFound ? "there is no such folder" : String(error);
    throw new UsageError(`Cannot use the site folder "${folder}" (${source}): ${state}`, {
      details: { folder, source },
      cause: error,
    });
  }
  if (isDirectory) return { folder, source };
  throw new UsageError(`Cannot use the site folder "${folder}" (${source}): it is not a folder`, {
    details: { folder, source },
  });
}

class FolderSite implements Site {
  readonly settingsSections: readonly string[];
  readonly #units = once(() => new Map(rowsOf(this.#tables.units).map((row) => [row.code, row])));
  readonly #ccd = once(() => rowsOf(this.#tables.ccd));
  readonly #fringe = once(() => rowsOf(this.#tables.fringe));
  readonly #targets = once(() => rowsOf(this.#tables.targets));
  readonly #headerRules = once(() => rowsOf(this.#tables.rules));
  readonly #tables: SiteTables;
  readonly #settings: StageSettings;
  readonly #env: Environment;
  readonly #explained: readonly Explained[];
  #keys: KeysStatus | undefined;
  #warned = false;

  constructor(
    readonly folder: string | null,
    readonly paths: SitePaths,
    tables: SiteTables,
    settings: StageSettings,
    env: Environment,
    explained: readonly Explained[],
  ) {
    this.settingsSections = Object.keys(settings.sections);
    this.#tables = tables;
    this.#settings = settings;
    this.#env = env;
    this.#explained = explained;
  }

  get units(): ReadonlyMap<string, Unit> {
    return this.#units();
  }

  get ccd(): readonly Camera[] {
    return this.#ccd();
  }

  get fringe(): readonly FringeFrame[] {
    return this.#fringe();
  }

  get targets(): readonly Target[] {
    return this.#targets();
  }

  get headerRules(): readonly HeaderRule[] {
    return this.#headerRules();
  }

  unit(code: string): Unit {
    const unit = this.units.get(code);
    if (unit !== undefined) return unit;
    const known = [...this.units.keys()].join(", ");
    throw new UsageError(`Cannot find the unit "${code}" in obs.dat: known are ${known}`, {
      details: { unit: code },
    });
  }

  camera(code: string, gainSetting?: number): Camera | undefined {
    for (const unit of [code, "*"]) {
      const rows = this.ccd.filter((camera) => camera.unit === unit);
      const exact = rows.find((camera) => camera.gainSetting === gainSetting);
      const found = exact ?? (gainSetting === undefined ? rows[0] : rows.find(hasNoSetting));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  target(object: string): Target | undefined {
    const wanted = object.trim().toLowerCase();
    return this.targets.find((target) => target.object.toLowerCase() === wanted);
  }

  keysStatus(): KeysStatus {
    return this.#keys ??= readSlackKeys(this.folder, this.#env);
  }

  keys(): SlackKeys | null {
    const status = this.keysStatus();
    if (status.state === "ok") return status.keys;
    if (!this.#warned) {
      const log = getLogger(["gppy", "config"]);
      if (status.state === "missing") log.info(status.message);
      else log.warn(status.message);
    }
    this.#warned = true;
    return null;
  }

  file(name: string): string {
    if (this.folder !== null && !name.includes("/")) {
      const path = join(this.folder, name);
      try {
        if (Deno.statSync(path).isFile) return path;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return bundledFile(name, this.#env);
  }

  stageSettings(stage: string): Record<string, unknown> {
    return { ...this.#settings.sections[stage] };
  }

  explain(): Explained[] {
    const keys = this.keysStatus();
    const rows = <Row extends object>(
      prefix: string,
      placed: () => readonly PlacedRow<Row>[],
      key: (row: Row) => string,
    ) =>
      placed().map(({ row, source }) => ({
        name: `${prefix}.${key(row)}`,
        value: { ...row } as { [key: string]: JsonValue },
        source,
      }));
    return [
      ...this.#explained,
      ...this.#settings.explained,
      keys.state === "ok"
        ? {
          name: "slack",
          value: `${keys.keys.channel}, token ${keys.keys.token}`,
          source: keys.source,
        }
        : { name: "slack", value: null, source: keys.message },
      ...rows("unit", this.#tables.units, obsTable.key),
      ...rows("ccd", this.#tables.ccd, ccdTable.key),
      ...rows("fringe", this.#tables.fringe, fringeTable.key),
      ...rows("target", this.#tables.targets, targetTable.key),
      ...rows("header", this.#tables.rules, ruleTable.key),
    ];
  }
}

function rowsOf<Row>(placed: () => readonly PlacedRow<Row>[]): readonly Row[] {
  return placed().map(({ row }) => row);
}

function hasNoSetting(camera: Camera): boolean {
  return camera.gainSetting === undefined;
}
