/**
 * SCAMP: solves the astrometry of Source Extractor's LDAC catalogues.
 *
 * @module
 */

import { ExternalToolError } from "../config/errors.ts";
import { Scratch } from "./_scratch.ts";
import { PROGRAMS } from "./programs.ts";
import type { ToolSet } from "./run_tool.ts";
import { parseScampXml, type ScampGroup, type ScampResult } from "./scamp_xml.ts";
import { settingArgs, type Settings } from "./settings.ts";

export type { ScampGroup, ScampResult } from "./scamp_xml.ts";

/** The columns of a reference catalogue, as SCAMP asks for them. */
export interface ReferenceKeys {
  /** Right ascension and declination, degrees. */
  readonly centre: readonly [string, string];
  /** Half axes of the error ellipse, degrees, and perhaps its angle. */
  readonly error: readonly string[];
  /** Magnitude. */
  readonly mag: string;
  /** Error of the magnitude. */
  readonly magError: string;
  /** Epoch of the position, years. */
  readonly obsDate?: string;
}

/** Where SCAMP gets its reference stars. */
export type ScampReference =
  | { readonly kind: "file"; readonly path: string; readonly keys: ReferenceKeys }
  /** The server and catalogue of the configuration file. */
  | { readonly kind: "server" }
  /** None: the catalogues are aligned with each other. */
  | { readonly kind: "none" };

/** What SCAMP shall do. Paths may hold any characters. */
export interface ScampTask {
  /** LDAC catalogues, each with a first WCS in its header. */
  readonly catalogues: readonly string[];
  /** Where the reference stars come from. */
  readonly reference: ScampReference;
  /** Configuration file. */
  readonly config: string;
  /** Settings that overrule the file's. */
  readonly settings?: Settings;
  /** Where to keep SCAMP's XML. */
  readonly xml: string;
  /** Time limit in seconds. */
  readonly timeoutS?: number;
}

/** What SCAMP found for one catalogue. */
export interface ScampSolution extends ScampResult {
  /** Path of the catalogue as given in the task. */
  readonly path: string;
  /** Text of the `.head` that SCAMP wrote for it. */
  readonly head: string;
}

/** The outcome of one run of SCAMP. */
export interface ScampOutcome {
  /** One a catalogue, in the order of the task. */
  readonly solutions: readonly ScampSolution[];
  /** One a group of overlapping catalogues. */
  readonly groups: readonly ScampGroup[];
  /** Warnings of the program. */
  readonly warnings: readonly string[];
}

/** What a camera with one detector needs, whatever the configuration file says. */
const SINGLE_CHIP: Settings = {
  MOSAIC_TYPE: "UNCHANGED",
  HEADER_SUFFIX: ".head",
  AHEADER_SUFFIX: ".ahead",
  CHECKPLOT_TYPE: "NONE",
  CHECKPLOT_DEV: "NULL",
  WRITE_XML: true,
  XML_NAME: "scamp.xml",
};

/**
 * Runs SCAMP once on all catalogues of a task.
 *
 * A reference file is all that it reads then: no server is asked.
 *
 * @param tools The programs.
 * @param task Catalogues, reference and settings.
 * @returns A solution for each catalogue; whether it is good is for the caller to judge.
 * @throws {ExternalToolError} If SCAMP fails or leaves a catalogue without a solution.
 */
export async function runScamp(tools: ToolSet, task: ScampTask): Promise<ScampOutcome> {
  await using scratch = Scratch.beside(task.xml);
  const stems = task.catalogues.map((_, i) => `field${String(i + 1).padStart(4, "0")}`);
  for (const [i, path] of task.catalogues.entries()) await scratch.link(path, `${stems[i]}.cat`);
  const config = await scratch.link(task.config, "config.scamp");
  const list = await scratch.write("fields.list", stems.map((stem) => `${stem}.cat\n`).join(""));
  const settings = {
    ...SINGLE_CHIP,
    ...await referenceSettings(scratch, task.reference),
    ...task.settings,
  };
  await tools.run(PROGRAMS.scamp.names, [`@${list}`, "-c", config, ...settingArgs(settings)], {
    cwd: scratch.folder,
    ...(task.timeoutS === undefined ? {} : { timeoutS: task.timeoutS }),
  });
  const report = parseScampXml(await readText(scratch, "scamp.xml"), task.xml);
  const byName = new Map(report.results.map((result) => [result.catalogue, result]));
  const solutions: ScampSolution[] = [];
  for (const [i, path] of task.catalogues.entries()) {
    const result = byName.get(`${stems[i]}.cat`);
    if (result === undefined) throw unsolved(path);
    const head = await readText(scratch, `${stems[i]}.head`).catch(() => {
      throw unsolved(path);
    });
    solutions.push({ ...result, path, head });
  }
  await scratch.keep("scamp.xml", task.xml);
  return { solutions, groups: report.groups, warnings: report.warnings };
}

function unsolved(path: string): ExternalToolError {
  return new ExternalToolError(`Cannot solve "${path}": SCAMP left no solution for it`, {
    details: { file: path },
  });
}

async function referenceSettings(scratch: Scratch, reference: ScampReference): Promise<Settings> {
  if (reference.kind === "server") return {};
  if (reference.kind === "none") return { ASTREF_CATALOG: "NONE" };
  const { keys } = reference;
  return {
    ASTREF_CATALOG: "FILE",
    ASTREFCAT_NAME: await scratch.link(reference.path, "reference.cat"),
    ASTREFCENT_KEYS: keys.centre,
    ASTREFERR_KEYS: keys.error,
    ASTREFMAG_KEY: keys.mag,
    ASTREFMAGERR_KEY: keys.magError,
    ...(keys.obsDate === undefined ? {} : { ASTREFOBSDATE_KEY: keys.obsDate }),
  };
}

async function readText(scratch: Scratch, name: string): Promise<string> {
  return new TextDecoder().decode(await Deno.readFile(scratch.path(name)));
}
