/**
 * Source Extractor: finds and measures sources in an image.
 *
 * @module
 */

import { ExternalToolError } from "../config/errors.ts";
import { Scratch } from "./_scratch.ts";
import { PROGRAMS } from "./programs.ts";
import type { ToolRun, ToolSet } from "./run_tool.ts";
import { settingArgs, type Settings } from "./settings.ts";

/** What Source Extractor shall do. Paths may hold any characters. */
export interface SextractorTask {
  /** Image in which sources are measured, and found unless `detection` is given. */
  readonly image: string;
  /** Image in which sources are found instead, on the same pixel grid. */
  readonly detection?: string;
  /** The catalogue to write; it appears only when complete. */
  readonly catalogue: string;
  /** FITS_LDAC for SCAMP, ASCII_HEAD for eyes. */
  readonly format: "FITS_LDAC" | "ASCII_HEAD";
  /** Configuration file. */
  readonly config: string;
  /** File of catalogue columns, or their names. */
  readonly params: string | readonly string[];
  /** File of the detection filter; none if left out. */
  readonly filter?: string;
  /** Settings that overrule the file's. */
  readonly settings?: Settings;
  /** Input images by setting, such as `WEIGHT_IMAGE` or `FLAG_IMAGE`. */
  readonly files?: Readonly<Record<string, string | readonly string[]>>;
  /** Images to write, by type, such as `SEGMENTATION` or `BACKGROUND`. */
  readonly checkImages?: Readonly<Record<string, string>>;
  /** Time limit in seconds. */
  readonly timeoutS?: number;
}

/**
 * Runs Source Extractor.
 *
 * @param tools The programs.
 * @param task Images, catalogue and settings.
 * @returns What the program printed.
 * @throws {ExternalToolError} If the program fails or leaves no catalogue.
 */
export async function runSextractor(tools: ToolSet, task: SextractorTask): Promise<ToolRun> {
  await using scratch = Scratch.beside(task.catalogue);
  const images = [...(task.detection === undefined ? [] : [task.detection]), task.image];
  const names: string[] = [];
  for (const image of images) names.push(await scratch.linkImage(image));
  const checks = Object.entries(task.checkImages ?? {});
  const settings: Settings = {
    CATALOG_NAME: "catalogue",
    CATALOG_TYPE: task.format,
    PARAMETERS_NAME: await linkParams(scratch, task.params),
    ...(task.filter === undefined
      ? { FILTER: false }
      : { FILTER: true, FILTER_NAME: await scratch.link(task.filter, "filter.conv") }),
    ...(checks.length === 0 ? {} : {
      CHECKIMAGE_TYPE: checks.map(([type]) => type),
      CHECKIMAGE_NAME: checks.map((_, i) => `check${i}.fits`),
    }),
    ...await linkFiles(scratch, task.files ?? {}),
    ...task.settings,
  };
  const config = await scratch.link(task.config, "config.sex");
  const args = [names.join(","), "-c", config, ...settingArgs(settings)];
  const run = await tools.run(PROGRAMS.sextractor.names, args, {
    cwd: scratch.folder,
    ...(task.timeoutS === undefined ? {} : { timeoutS: task.timeoutS }),
  });
  if (!await scratch.has("catalogue")) {
    throw new ExternalToolError(
      `Cannot extract sources of "${task.image}": no catalogue was written`,
      { details: { file: task.image, stderr: run.stderr.slice(-2000) } },
    );
  }
  for (const [i, [, target]] of checks.entries()) await scratch.keep(`check${i}.fits`, target);
  await scratch.keep("catalogue", task.catalogue);
  return run;
}

async function linkParams(scratch: Scratch, params: string | readonly string[]): Promise<string> {
  return typeof params === "string"
    ? await scratch.link(params, "columns.param")
    : await scratch.write("columns.param", params.join("\n") + "\n");
}

async function linkFiles(
  scratch: Scratch,
  files: Readonly<Record<string, string | readonly string[]>>,
): Promise<Settings> {
  const linked: Record<string, readonly string[]> = {};
  for (const [keyword, paths] of Object.entries(files)) {
    const names: string[] = [];
    for (const path of typeof paths === "string" ? [paths] : paths) {
      names.push(await scratch.linkImage(path));
    }
    linked[keyword] = names;
  }
  return linked;
}
