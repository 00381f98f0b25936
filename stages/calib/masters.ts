/**
 * Makes tonight's masters: biases, then darks, then flats.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../../config/errors.ts";
import type { CombineMethod } from "../../gpu/kernels/clip_stack/clip_stack.ts";
import type { Gate } from "../manifest.ts";
import type { NewProduct, StageContext } from "../stage.ts";
import { type DriftLimits, judgeDrift } from "./drift.ts";
import { type RawFrame, sameSize, sizeText } from "./frame.ts";
import { describeGroup, type FrameGroup, groupFrames, type MasterType } from "./groups.ts";
import type { MasterLibrary } from "./library.ts";
import { makeMaster, type MasterRecipe, measureFlat, type ScaledFrame } from "./make_master.ts";
import { type Master, masterFolder } from "./master.ts";
import { masterId } from "./names.ts";
import type { PixelCache } from "./pixel_cache.ts";

/** What all masters of a night have in common. */
export interface MasterPlan extends DriftLimits {
  readonly minInputs: number;
  readonly minFlatAdu: number;
  readonly combine: CombineMethod;
  readonly flatCombine: CombineMethod;
  readonly clipSigma: number;
  /** The master tree. */
  readonly root: string;
  /** `YYYYMMDD`. */
  readonly night: string;
  readonly library: MasterLibrary;
  readonly cache: PixelCache;
}

/**
 * Makes the masters of one type and adds them to the library.
 *
 * @param type Biases must be made before darks, darks before flats.
 * @param frames All raw frames of the night.
 * @param plan How.
 * @param context Records groups that fail, and goes on.
 * @returns The masters, as products.
 */
export async function makeMasters(
  type: MasterType,
  frames: readonly RawFrame[],
  plan: MasterPlan,
  context: StageContext,
): Promise<NewProduct[]> {
  const groups = groupFrames(frames, type);
  const enough = groups.filter((group) => hasEnough(group, groups, plan, context));
  const ids = nameMasters(enough, plan.night);
  return await context.each(
    enough,
    (group) => makeOne(group, ids.get(group)!, plan, context),
    {
      id: (group) => ids.get(group)!,
      losing: (group) => group.frames.map((frame) => frame.product.id),
    },
  );
}

/** Leaves a group behind that is too small, saying so if a frame is merely of another size. */
function hasEnough(
  group: FrameGroup,
  groups: readonly FrameGroup[],
  plan: MasterPlan,
  context: StageContext,
): boolean {
  if (group.frames.length >= plan.minInputs) return true;
  const larger = groups.find((other) =>
    other.frames.length >= plan.minInputs && !sameSize(other.setup, group.setup)
  );
  const size = larger === undefined
    ? ""
    : `; they are ${sizeText(group.setup)}, the others ${sizeText(larger.setup)}`;
  const losing = group.frames.map((frame) => frame.product.id);
  context.leave(group.frames.length === 1 ? losing[0]! : masterId(group, plan.night), {
    error: "Gate",
    message: `Cannot make a ${describeGroup(group)} from ${group.frames.length} frames: ` +
      `at least ${plan.minInputs} are needed${size}`,
    details: { inputs: group.frames.length, minInputs: plan.minInputs },
    losing,
  });
  return false;
}

/** Names masters apart where setups of one night would share a name. */
function nameMasters(groups: readonly FrameGroup[], night: string): Map<FrameGroup, string> {
  const ids = new Map<FrameGroup, string>();
  for (const group of groups) {
    const plain = masterId(group, night);
    const { width, height, binning, gain } = group.setup;
    const taken = new Set(ids.values());
    const apart = `${plain}-${width}x${height}-bin${binning}-gain${gain}`;
    ids.set(group, taken.has(plain) ? apart : plain);
  }
  return ids;
}

async function makeOne(
  group: FrameGroup,
  id: string,
  plan: MasterPlan,
  context: StageContext,
): Promise<NewProduct> {
  const recipe = await chooseRecipe(group, id, plan, context.signal);
  const frames = await scaleFrames(group, recipe, plan, context);
  if (frames.length < plan.minInputs) {
    throw new DataError(
      `Cannot make a ${describeGroup(group)}: ${frames.length} of ${group.frames.length} frames ` +
        `can be used, at least ${plan.minInputs} are needed`,
    );
  }
  await Deno.mkdir(masterFolder(plan.root, group.setup.unit, group.type), { recursive: true })
    .catch((cause) => {
      throw new DataError(`Cannot write to the master tree "${plan.root}": ${cause.message}`, {
        cause,
      });
    });
  const master = await makeMaster(group, frames, recipe);
  plan.cache.forget(master.path);
  plan.library.add(master);
  const drift = await judgeDrift(master, plan.root, plan, context.signal);
  if (drift?.verdict === "degraded") {
    context.log.warn("{id} differs from the last master: {value}, {threshold}", {
      id,
      value: drift.value,
      threshold: drift.threshold,
    });
  }
  return describe(master, frames, recipe, [inputsGate(frames.length, plan), drift]);
}

async function chooseRecipe(
  group: FrameGroup,
  id: string,
  plan: MasterPlan,
  signal: AbortSignal,
): Promise<MasterRecipe> {
  const first = group.frames[0]!;
  const bias = group.type === "bias" ? undefined : await plan.library.require(first, "bias");
  const dark = group.type === "flat"
    ? await plan.library.find({
      ...group,
      type: "dark",
      exposureS: first.product.exposureS ?? 0,
    })
    : undefined;
  return {
    method: group.type === "flat" ? plan.flatCombine : plan.combine,
    clipSigma: plan.clipSigma,
    root: plan.root,
    night: plan.night,
    id,
    bias: bias?.master,
    dark: dark?.master,
    cache: plan.cache,
    signal,
  };
}

/** Measures flats; a flat that cannot be used is left behind alone. */
async function scaleFrames(
  group: FrameGroup,
  recipe: MasterRecipe,
  plan: MasterPlan,
  context: StageContext,
): Promise<ScaledFrame[]> {
  if (group.type !== "flat") return group.frames.map((frame) => ({ frame, scale: 1 }));
  return await context.each(
    group.frames,
    (frame) => measureFlat(group, frame, recipe, plan),
    { id: (frame) => frame.product.id },
  );
}

function inputsGate(inputs: number, plan: MasterPlan): Gate {
  return {
    name: "inputs",
    value: inputs,
    threshold: `at least ${plan.minInputs}`,
    verdict: "pass",
  };
}

function describe(
  master: Master,
  frames: readonly ScaledFrame[],
  recipe: MasterRecipe,
  gates: readonly (Gate | undefined)[],
): NewProduct {
  const first = frames[0]!.frame.product;
  const used = [recipe.bias?.id, recipe.dark?.id].filter((id) => id !== undefined);
  return {
    id: master.id,
    kind: "master",
    path: join(masterFolder(recipe.root, master.setup.unit, master.type), `${master.id}.fits`),
    from: [...frames.map(({ frame }) => frame.product.id), ...used],
    imageType: master.type,
    unit: master.setup.unit,
    exposureS: master.exposureS,
    ...(master.type === "flat" ? { filter: master.filter } : {}),
    ...(first.dateObs === undefined ? {} : { dateObs: first.dateObs }),
    ...(first.mjd === undefined ? {} : { mjd: first.mjd }),
    binning: master.setup.binning,
    width: master.setup.width,
    height: master.setup.height,
    measured: { inputs: frames.length, level: master.level, sigma: master.sigma },
    gates: gates.filter((gate) => gate !== undefined),
  };
}
