/** What the tests with real frames share. */

import { basename, join } from "node:path";
import { loadSite, type Site } from "../../config/site.ts";
import { FitsHeader } from "../../fits/header.ts";
import { updateHeader } from "../../fits/update_header.ts";
import { setWcs, wcsFromHeader } from "../../sky/wcs.ts";
import { readHeader } from "../../fits/file.ts";
import { readFrameInfo } from "../../sky/frame_info.ts";
import { locateTool, type ToolSet } from "../../external/run_tool.ts";
import type { Left } from "../manifest.ts";
import { resolveParameters } from "../parameters.ts";
import type { NewProduct, StageOutcome } from "../stage.ts";
import { testContext } from "../testing.ts";
import { astrom } from "./mod.ts";
import type { AstromMetrics, AstromParams } from "./params.ts";

/** Where the real frames are. */
export const DATA = Deno.env.get("GPPY_TESTDATA") ??
  join(import.meta.dirname!, "../../../shared/data");

/** Whether a set of real frames is absent, so that its test cannot run. */
export function isAbsent(folder: string): boolean {
  try {
    return !Deno.statSync(join(DATA, folder)).isDirectory;
  } catch {
    return true;
  }
}

const OBS_DAT = `unit gain_e_adu read_noise_e pixel_scale_arcsec rotation_deg parity \
lat_deg lon_deg height_m saturation_adu width_px height_px
SAAO 1.9 5.0 0.31 0 1 -32.38 20.81 1798 60000 512 512
ARCSAT 1.39 12.1 0.67 180 -1 32.78 -105.82 2788 60000 1024 1024
CECILIA 1 10 5.16 180 -1 31.68 -110.88 2340 60000 650 500
`;

/** Makes a site in a folder, with the cameras of the real frames. */
export async function trialSite(folder: string): Promise<Site> {
  await Deno.writeTextFile(join(folder, "obs.dat"), OBS_DAT);
  await Deno.mkdir(join(folder, "base/ref_scamp"), { recursive: true });
  return await loadSite({ folder, base: join(folder, "base"), env: {} });
}

/** Describes a real frame as ingest would. */
export async function trialProduct(path: string, unit: string): Promise<NewProduct> {
  const info = readFrameInfo(await readHeader(path), [], { path, unit });
  const { object, exposureS, dateObs, mjd, width, height, filter, gain } = info;
  return {
    ...{ id: basename(path).replace(/\.fits?$/i, ""), kind: "frame", path, unit },
    ...{ imageType: "light", object, exposureS, dateObs, mjd, width, height },
    ...(filter === undefined ? {} : { filter }),
    ...(gain === undefined ? {} : { gain }),
  };
}

/** Copies a frame with the WCS cards of a text file, 80 characters a line, added. */
export async function withWcsCards(frame: string, cards: string, folder: string): Promise<string> {
  const lines = (await Deno.readTextFile(cards)).split("\n").map((line) => line.padEnd(80));
  const wcs = wcsFromHeader(FitsHeader.parse(new TextEncoder().encode(lines.join(""))));
  const target = join(folder, basename(frame));
  await updateHeader(frame, target, (header) => setWcs(header, wcs!));
  return target;
}

/** The installed programs, but for those of a folder. */
function programsOf(folder: string, tools: ToolSet): ToolSet {
  const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
  return {
    ...tools,
    has: async (names) => await locateTool(names, env.PATH) !== undefined,
    run: (names, args, options) => tools.run(names, args, { ...options, env }),
  };
}

/**
 * Runs the stage on frames, with parameters as a user gives them.
 *
 * @param programs Folder of executables that are found first.
 */
export async function runAstrom(
  products: readonly NewProduct[],
  given: Readonly<Record<string, unknown>>,
  site: Site,
  folder: string,
  programs?: string,
): Promise<StageOutcome<AstromMetrics> & { left: readonly Left[] }> {
  const { values } = resolveParameters(astrom, { flags: given });
  await Deno.mkdir(folder, { recursive: true });
  const { context, left } = testContext({ stage: "astrom", products, site, folder });
  const tools = programs === undefined ? context.tools : programsOf(programs, context.tools);
  const outcome = await astrom.run(values as AstromParams, { ...context, tools });
  return { ...outcome, left };
}
