/**
 * What `gppy doctor` looks at: this machine, the outside programs, the folders and files of a site.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { GppyError } from "../config/errors.ts";
import type { Site } from "../config/site.ts";
import { VERSION } from "../config/version.ts";
import { type Program, PROGRAMS } from "../external/programs.ts";
import { findTool } from "../external/run_tool.ts";
import { describeAdapter, requestAdapter } from "../gpu/device.ts";
import { STAGES } from "../stages/registry.ts";

/** One line of the doctor's report. */
export interface Check {
  /** Part of the report. */
  readonly part: "machine" | "programs" | "site";
  /** What was looked at. */
  readonly name: string;
  /** `missing` is what gppy cannot work without; `warn` is what it can. */
  readonly state: "ok" | "warn" | "missing";
  /** What was found, and what to do about it. */
  readonly found: string;
}

const GIB = 2 ** 30;
/** A stack of full-size frames needs about so much. */
const MEMORY_GIB = 4;
/** A night of one unit, with what is made of it, needs about so much. */
const DISK_GIB = 50;

/**
 * Looks at the machine.
 *
 * @param diskFolder A folder on the disk that products go to; need not exist.
 * @returns Versions, processor, memory, free disk and graphics.
 */
export async function checkMachine(diskFolder: string): Promise<Check[]> {
  const { total, available } = Deno.systemMemoryInfo();
  const memory = `${gib(total)} GiB, ${gib(available)} GiB available`;
  const cores = cpus();
  return [
    machine("gppy", "ok", VERSION),
    machine("deno", "ok", `${Deno.version.deno} (${Deno.build.target})`),
    machine("processor", "ok", `${cores.length} cores, ${cores[0]?.model.trim() ?? "unknown"}`),
    machine(
      "memory",
      available < MEMORY_GIB * GIB ? "warn" : "ok",
      available < MEMORY_GIB * GIB ? `${memory}; full-size stacks need ${MEMORY_GIB} GiB` : memory,
    ),
    checkDisk(diskFolder),
    await checkGpu(),
  ];
}

function machine(name: string, state: Check["state"], found: string): Check {
  return { part: "machine", name, state, found };
}

function gib(bytes: number): string {
  return (bytes / GIB).toFixed(1);
}

function checkDisk(folder: string): Check {
  const existing = nearestExisting(folder);
  const { bavail, bsize } = statfsSync(existing);
  const free = `${gib(bavail * bsize)} GiB free at ${existing}`;
  return bavail * bsize < DISK_GIB * GIB
    ? machine("disk", "warn", `${free}; a full night needs about ${DISK_GIB} GiB`)
    : machine("disk", "ok", free);
}

async function checkGpu(): Promise<Check> {
  try {
    const adapter = await requestAdapter();
    if (!adapter) return machine("GPU", "warn", "none; pixels are computed on the processor");
    const { name, software } = describeAdapter(adapter);
    return software
      ? machine("GPU", "warn", `${name} is software; pixels are computed on the processor`)
      : machine("GPU", "ok", `${name}, ${gib(adapter.limits.maxBufferSize)} GiB a buffer`);
  } catch (error) {
    return machine("GPU", "warn", `cannot be asked: ${messageOf(error)}`);
  }
}

/**
 * Looks for every outside program.
 *
 * @returns Path and version of each, or how to get it.
 */
export function checkPrograms(): Promise<Check[]> {
  return Promise.all(
    Object.values<Program>(PROGRAMS).map(async (program): Promise<Check> => {
      const name = program.names[0] ?? "";
      const tool = await findTool(program.names);
      return tool !== undefined
        ? { part: "programs", name, state: "ok", found: `${tool.version} (${tool.path})` }
        : {
          part: "programs",
          name,
          state: program.optional ? "warn" : "missing",
          found: `${program.purpose}: ${program.install}`,
        };
    }),
  );
}

/**
 * Looks at the folders and files of a site.
 *
 * @param site The site, its tables already checked.
 * @returns Its folders, keys, tables and settings.
 */
export function checkSite(site: Site): Check[] {
  const { paths } = site;
  const keys = site.keysStatus();
  return [
    {
      part: "site",
      name: "site folder",
      state: site.folder === null ? "warn" : "ok",
      found: site.folder ?? "none given: defaults; `gppy config --init DIR` starts one",
    },
    checkWritable("path_base", paths.base),
    checkReadable("path_obsdata", paths.obsdata, "raw nights are looked for there"),
    checkWritable("path_processed", paths.processed),
    checkReadable("path_refcat", paths.refcat, "photometry needs reference catalogues there"),
    checkReadable("path_ref_scamp", paths.refScamp, "without it SCAMP asks a server"),
    checkReadable("references", paths.references, "without frames there nothing is subtracted"),
    checkWritable("path_log", dirname(paths.log("doctor"))),
    {
      part: "site",
      name: "keys.dat",
      state: keys.state === "ok" ? "ok" : "warn",
      found: keys.state === "ok" ? `Slack channel ${keys.keys.channel}` : keys.message,
    },
    {
      part: "site",
      name: "tables",
      state: "ok",
      found: `${site.units.size} units, ${site.ccd.length} cameras, ${site.fringe.length} fringe ` +
        `patterns, ${site.targets.length} targets, ${site.headerRules.length} header corrections`,
    },
    checkSections(site),
  ];
}

function checkSections(site: Site): Check {
  const known = [...STAGES.map((stage) => stage.name), "watch", "notices"];
  const unknown = site.settingsSections.filter((section) => !known.includes(section));
  return {
    part: "site",
    name: "gppy.toml",
    state: unknown.length === 0 ? "ok" : "warn",
    found: unknown.length === 0
      ? `${site.settingsSections.length} sections`
      : `no stage is named ${unknown.map((name) => `"${name}"`).join(", ")}`,
  };
}

function checkReadable(name: string, path: string, purpose: string): Check {
  try {
    for (const _entry of Deno.readDirSync(path)) break;
    return { part: "site", name, state: "ok", found: path };
  } catch (error) {
    const state = error instanceof Deno.errors.NotFound ? "does not exist" : messageOf(error);
    return { part: "site", name, state: "warn", found: `${path}: ${state}; ${purpose}` };
  }
}

/** Makes and removes a file in the folder, or in the nearest one above it that exists. */
function checkWritable(name: string, path: string): Check {
  const existing = nearestExisting(path);
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: existing, prefix: ".gppy-doctor-" }));
  } catch (error) {
    const found = `${path}: cannot write to ${existing}: ${messageOf(error)}`;
    return { part: "site", name, state: "missing", found };
  }
  const found = existing === path ? path : `${path} (will be made)`;
  return { part: "site", name, state: "ok", found };
}

function nearestExisting(path: string): string {
  for (let folder = path;; folder = dirname(folder)) {
    try {
      if (Deno.statSync(folder).isDirectory || dirname(folder) === folder) return folder;
      return join(folder, ""); // a file where a folder should be: writing to it will say so
    } catch {
      if (dirname(folder) === folder) return folder;
    }
  }
}

/**
 * Turns an error that kept the site from being read into a line of the report.
 *
 * @param error What `loadSite` threw.
 * @returns The line.
 * @throws The error itself, unless it is one that gppy explains.
 */
export function brokenSite(error: unknown): Check {
  if (!(error instanceof GppyError)) throw error;
  return { part: "site", name: "site folder", state: "missing", found: error.message };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
