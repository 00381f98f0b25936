/**
 * The header of a master.
 *
 * @module
 */

import { FitsHeader } from "../../../fits/header.ts";
import { exposureText } from "./names.ts";
import type { FrameGroup } from "../frames/groups.ts";
import type { MasterRecipe } from "./make_master.ts";
import { darkScale } from "./master.ts";
import type { ScaledFrame } from "./reduce_frame.ts";

/** Cards of a raw frame that also hold for the master made from it. */
const KEPT = ["GAIN", "XBINNING", "YBINNING", "CCD-TEMP", "SET-TEMP", "TELESCOP", "INSTRUME"];

const TYPE_TEXT = { bias: "BIAS", dark: "DARK", flat: "FLAT" } as const;

/**
 * Makes the header of a master; the verdict and what is
 * measured of the pixels are filled in when it is written, so that the header keeps its length.
 *
 * @param group What the master is for.
 * @param frames Its inputs.
 * @param recipe How it is made.
 * @returns The header.
 */
export function masterHeader(
  group: FrameGroup,
  frames: readonly ScaledFrame[],
  recipe: MasterRecipe,
): FitsHeader {
  const first = frames[0]!.frame;
  const header = FitsHeader.from({
    IMAGETYP: [TYPE_TEXT[group.type], "type of image"],
    OBJECT: [`MASTER ${TYPE_TEXT[group.type]}`, "what it shows"],
    EXPTIME: [group.exposureS, "[s] exposure of its inputs"],
    "DATE-OBS": [first.product.dateObs ?? "", "UTC, start of the first input"],
    NIGHT: [recipe.night, "night of its inputs"],
  });
  if (group.type === "flat") header.set("FILTER", group.filter, "filter");
  for (const keyword of KEPT) {
    const value = first.header.get(keyword);
    if (value !== undefined) header.set(keyword, value, first.header.comment(keyword));
  }
  addDetector(header, group, frames);
  addVerdictRoom(header);
  header.set("COMBINE", recipe.method, "how the inputs were combined");
  if (recipe.method.startsWith("clipped")) {
    header.set("CLIPSIG", recipe.clipSigma, "[sigma] limit of the clipping");
  }
  header.set("NCOMBINE", frames.length, "inputs");
  if (recipe.bias) header.set("BIASNAME", `${recipe.bias.id}.fits`, "bias taken out");
  if (recipe.dark) header.set("DARKNAME", `${recipe.dark.id}.fits`, "dark taken out, scaled");
  return addInputs(header, frames, recipe);
}

function addDetector(
  header: FitsHeader,
  group: FrameGroup,
  frames: readonly ScaledFrame[],
): void {
  const first = frames[0]!.frame;
  if (!Number.isNaN(first.setup.gain)) header.set("GAIN", first.setup.gain);
  const [xBinning, yBinning] = first.setup.binning.split("x").map(Number);
  if (xBinning && yBinning) header.set("XBINNING", xBinning).set("YBINNING", yBinning);
  const temperatureC = meanTemperature(frames);
  if (temperatureC !== undefined) {
    header.set("TEMPC", temperatureC, "[Celsius] mean temperature of the inputs");
  }
  header.set("OVERSCAN", first.setup.overscan, "whether the overscan was taken off");
  header.set("EGAIN", first.detector.gainEAdu, "[e-/ADU] gain");
  header.set("RDNOISE", first.detector.readNoiseE, "[e-] read noise of one input");
  if (group.type !== "flat") header.set("BUNIT", "adu", "unit of the pixels");
}

/** Cards that are filled in at the end. */
function addVerdictRoom(header: FitsHeader): void {
  header.set("LEVEL", 0, "median of the pixels");
  header.set("LEVELSIG", 0, "robust scatter of the pixels");
  header.set("NOISE", 0, "median of the pixels' standard errors");
  header.set("ACCEPTED", false, "whether it may be used");
  header.set("JUDGED", "");
}

function addInputs(
  header: FitsHeader,
  frames: readonly ScaledFrame[],
  recipe: MasterRecipe,
): FitsHeader {
  for (const [index, { frame, scale }] of frames.entries()) {
    const keyword = `IMAGE${String(index + 1).padStart(3, "0")}`;
    if (index < 999) header.set(keyword, frame.product.id);
    if (scale === 1) continue;
    const exposureS = frame.product.exposureS ?? 0;
    const dark = recipe.dark
      ? `, dark x ${darkScale(recipe.dark, exposureS).toFixed(4)} for ${exposureText(exposureS)} s`
      : "";
    header.addHistory(`gppy calib: ${frame.product.id} / ${(1 / scale).toFixed(2)} ADU${dark}`);
  }
  const method = recipe.method.replace("-", " ");
  return header.addHistory(`gppy calib: ${method} of ${frames.length} frames`);
}

/**
 * Mean temperature of frames.
 *
 * @param frames The frames.
 * @returns The mean of those that say; undefined if none does.
 */
export function meanTemperature(frames: readonly ScaledFrame[]): number | undefined {
  const known = frames.map(({ frame }) => frame.product.temperatureC)
    .filter((value) => value !== undefined);
  if (known.length === 0) return undefined;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}
