/**
 * Makes one master from a group of calibration frames.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../../../config/errors.ts";
import { clipStack, type CombineMethod } from "../../../gpu/kernels/clip_stack/clip_stack.ts";
import { MAX_FRAMES } from "../../../gpu/kernels/clip_stack/combine_strip.ts";
import type { LazyCompute } from "../../../gpu/lazy_compute.ts";
import { mad, MAD_TO_SIGMA, median } from "../../../sky/stats.ts";
import { combinePlain } from "./combine_plain.ts";
import { sizeText } from "../frames/frame.ts";
import { describeGroup, type FrameGroup } from "../frames/groups.ts";
import { type JudgeLimits, judgeMaster, type Verdict } from "./judge_master.ts";
import { masterHeader, meanTemperature } from "./master_header.ts";
import { type Master, masterFolder } from "./master.ts";
import { MasterWriter } from "./master_writer.ts";
import type { OverscanMethod } from "../frames/overscan.ts";
import type { PixelCache } from "../frames/pixel_cache.ts";
import { openPlainFrames } from "../frames/plain_frames.ts";
import { openRaw } from "../frames/raw_image.ts";
import { loadMasters, reduceFrame, type ScaledFrame, type UsedMasters } from "./reduce_frame.ts";
import { readStrips } from "../frames/strips.ts";

/** How masters are made. */
export interface MasterRecipe extends UsedMasters {
  readonly method: CombineMethod;
  readonly clipSigma: number;
  readonly overscan: OverscanMethod;
  /** Whether variance and counts are written beside the master. */
  readonly masterVariance: boolean;
  /** Whether it must be near the last one to be used; undefined: no comparison. */
  readonly limits: JudgeLimits | undefined;
  /** The master tree. */
  readonly root: string;
  /** `YYYYMMDD`. */
  readonly night: string;
  /** File name without `.fits`. */
  readonly id: string;
  readonly cache: PixelCache;
  /** Where plain frames are combined. */
  readonly compute: LazyCompute;
  readonly signal: AbortSignal;
}

/** A master and whether it may be used. */
export interface JudgedMaster {
  readonly master: Master;
  readonly verdict: Verdict;
}

/**
 * Makes a master, judges it, and writes it to the master tree.
 *
 * Biases are combined as they are; darks without their bias; flats without bias
 * and dark, each divided by its level. Saturated pixels do not take part in a flat.
 * A master that is refused is written too, with ACCEPTED = F.
 *
 * @param group What it is for.
 * @param frames The frames, flats with the factor that brings them to 1.
 * @param recipe Method, place, masters it needs.
 * @returns The master and the verdict.
 */
export async function makeMaster(
  group: FrameGroup,
  frames: readonly ScaledFrame[],
  recipe: MasterRecipe,
): Promise<JudgedMaster> {
  const { type, setup, filter, exposureS } = group;
  const { night, id } = recipe;
  const path = join(masterFolder(recipe.root, setup.unit, type), `${id}.fits`);
  const header = masterHeader(group, frames, recipe);
  await using writer = await MasterWriter.open(path, setup, header, recipe.masterVariance);
  await combineFrames(group, frames, recipe, writer);
  const level = median(writer.values.values);
  if (!Number.isFinite(level)) throw allEmpty(group, id);
  const sigma = mad(writer.values.values, level) * MAD_TO_SIGMA;
  const noise = Math.sqrt(median(writer.variances.values));
  const temperatureC = meanTemperature(frames);
  const facts = { type, setup, filter, exposureS, night, temperatureC, noise };
  const { sigmaFloor } = clipOptions(group, frames);
  const verdict: Verdict = recipe.limits === undefined
    ? { accepted: true, gates: [], reason: "not compared with earlier ones" }
    : await judgeMaster(
      {
        ...facts,
        values: writer.values.values,
        variances: writer.variances.values,
        varianceFloor: sigmaFloor ** 2 / frames.length,
      },
      recipe.root,
      recipe.limits,
      recipe.signal,
    );
  const { accepted } = verdict;
  writer.header.set("LEVEL", level).set("LEVELSIG", sigma).set("ACCEPTED", accepted);
  if (Number.isFinite(noise)) writer.header.set("NOISE", noise);
  writer.header.set("JUDGED", verdict.reason.slice(0, LONGEST_TEXT));
  await writer.finish();
  return { master: { ...facts, id, path, level, sigma, accepted }, verdict };
}

/** Characters of a text that fits into one card. */
const LONGEST_TEXT = 66;

/** Reduces and combines strip by strip: plain frames on the backend, others here. */
async function combineFrames(
  group: FrameGroup,
  frames: readonly ScaledFrame[],
  recipe: MasterRecipe,
  writer: MasterWriter,
): Promise<void> {
  const masters = await loadMasters(recipe, recipe.cache);
  const { method, clipSigma, signal, overscan } = recipe;
  const options = { ...clipOptions(group, frames), method, clipSigma };
  const few = frames.length <= MAX_FRAMES;
  using plain = few ? await openPlainFrames(frames.map(({ frame }) => frame)) : undefined;
  if (plain !== undefined) {
    const compute = await recipe.compute.get();
    const { type } = group;
    return await combinePlain(plain, { type, frames, masters, options, compute, signal }, writer);
  }
  const open = frames.map(({ frame }) => () => openRaw(frame, overscan));
  for await (const { firstRow, strips, masks } of readStrips(open, signal)) {
    for (const [k, { frame, scale }] of frames.entries()) {
      const rows = { strip: strips[k]!, mask: masks[k]!, first: firstRow * group.setup.width };
      reduceFrame(group.type, { frame, scale, ...rows }, masters);
    }
    await writer.write(clipStack(strips, options));
  }
}

/** The noise that samples have at least: read noise, and for flats that of their light. */
function clipOptions(
  group: FrameGroup,
  frames: readonly ScaledFrame[],
): { sigmaFloor: number; sigmaRelative: number } {
  const { gainEAdu, readNoiseE } = frames[0]!.frame.detector;
  const readNoiseAdu = Math.max(readNoiseE / gainEAdu, 0.5);
  if (group.type !== "flat") return { sigmaFloor: readNoiseAdu, sigmaRelative: 0 };
  const level = 1 / median(frames.map(({ scale }) => scale));
  const floor = Math.sqrt(level / gainEAdu + readNoiseAdu ** 2) / level;
  return { sigmaFloor: floor, sigmaRelative: 0 };
}

function allEmpty(group: FrameGroup, id: string): DataError {
  return new DataError(
    `Cannot make master "${id}" (${describeGroup(group)}, ${sizeText(group.setup)}): ` +
      "no pixel has a usable sample",
  );
}
