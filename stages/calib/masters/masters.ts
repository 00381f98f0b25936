/**
 * Makes tonight's masters: biases, then darks, then flats.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import { reasonOf } from "../../../config/reason.ts";
import type { CombineMethod } from "../../../gpu/kernels/clip_stack/clip_stack.ts";
import type { Gate } from "../../manifest.ts";
import type { NewProduct, StageContext } from "../../stage.ts";
import { type RawFrame, sameSize, sizeText } from "../frames/frame.ts";
import { type FlatLimits, measureFlat, partByIllumination } from "./measure_flat.ts";
import { describeGroup, type FrameGroup, groupFrames, type MasterType } from "../frames/groups.ts";
import { type MasterLibrary, wishOf } from "./library.ts";
import type { JudgeLimits, Verdict } from "./judge_master.ts";
import { makeMaster, type MasterRecipe } from "./make_master.ts";
import { companionPath, type Master, MASTER_COMPANIONS, masterFolder } from "./master.ts";
import { masterId } from "./names.ts";
import type { OverscanMethod } from "../frames/overscan.ts";
import type { PixelCache } from "../frames/pixel_cache.ts";
import type { ScaledFrame } from "./reduce_frame.ts";

/** What all masters of a night have in common. */
export interface MasterPlan extends JudgeLimits, FlatLimits {
  readonly minInputs: number;
  readonly overscan: OverscanMethod;
  readonly masterVariance: boolean;
  /** Whether a new master is compared with the last one. */
  readonly judge: boolean;
  readonly needBias: boolean;
  readonly combine: CombineMethod;
  readonly flatCombine: CombineMethod;
  readonly clipSigma: number;
  /** The master tree. */
  readonly root: string;
  /** `YYYYMMDD`. */
  readonly night: string;
  readonly library: MasterLibrary;
  readonly cache: PixelCache;
  /** False leaves it to the system when lights go to the disk; true if left out. */
  readonly durable?: boolean;
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
  const made = await context.each(
    enough,
    (group) => makeOne(group, ids.get(group)!, plan, context),
    {
      id: (group) => ids.get(group)!,
      losing: (group) => group.frames.map((frame) => frame.product.id),
    },
  );
  return made.flat();
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
): Promise<NewProduct[]> {
  const recipe = await chooseRecipe(group, id, plan, context);
  const frames = await scaleFrames(group, recipe, plan, context);
  if (frames.length < plan.minInputs) {
    throw new DataError(
      `Cannot make a ${describeGroup(group)}: ${frames.length} of ${group.frames.length} frames ` +
        `can be used, at least ${plan.minInputs} are needed`,
    );
  }
  await Deno.mkdir(masterFolder(plan.root, group.setup.unit, group.type), { recursive: true })
    .catch((cause) => {
      throw new DataError(`Cannot write to the master tree "${plan.root}": ${reasonOf(cause)}`, {
        cause,
      });
    });
  const { master, verdict } = await makeMaster(group, frames, recipe);
  plan.cache.forget(master.path);
  if (verdict.accepted) plan.library.add(master);
  sayVerdict(group, master, verdict, context);
  const gates = [inputsGate(frames.length, plan), ...verdict.gates];
  return describe(master, frames, recipe, gates);
}

/** A refused master is on record; what needs it takes the last good one. */
function sayVerdict(
  group: FrameGroup,
  { id }: Master,
  { accepted, reason, gates }: Verdict,
  context: StageContext,
): void {
  context.log.info("{id}: {outcome}, {reason}", {
    id,
    outcome: accepted ? "accepted" : "refused",
    reason,
  });
  if (accepted) return;
  context.leave(id, {
    error: "Gate",
    message: `Cannot use the new ${describeGroup(group)} "${id}": ${reason}; ` +
      "the last good one takes its place",
    details: Object.fromEntries(gates.map(({ name, value }) => [name, value])),
    losing: [id],
  });
}

async function chooseRecipe(
  group: FrameGroup,
  id: string,
  plan: MasterPlan,
  { compute, signal }: StageContext,
): Promise<MasterRecipe> {
  const first = group.frames[0]!;
  const bias = group.type === "bias"
    ? undefined
    : plan.needBias
    ? await plan.library.require(first, "bias")
    : await plan.library.find(wishOf(first, "bias"));
  const dark = group.type === "flat" ? await plan.library.find(wishOf(first, "dark")) : undefined;
  return {
    method: group.type === "flat" ? plan.flatCombine : plan.combine,
    clipSigma: plan.clipSigma,
    overscan: plan.overscan,
    masterVariance: plan.masterVariance,
    limits: plan.judge ? plan : undefined,
    root: plan.root,
    night: plan.night,
    id,
    bias: bias?.master,
    dark: dark?.master,
    cache: plan.cache,
    compute,
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
  const flats = await context.each(
    group.frames,
    (frame) => measureFlat(frame, recipe, plan),
    { id: (frame) => frame.product.id },
  );
  const { alike, odd } = partByIllumination(flats, plan.flatGradient);
  for (const { flat: { frame }, distance } of odd) {
    context.leave(frame.product.id, {
      error: "Gate",
      message: `Cannot use flat "${frame.product.id}": its illumination differs by ` +
        `${(100 * distance).toFixed(1)} % from that of the others, ` +
        `at most ${100 * plan.flatGradient} % is allowed`,
      details: { illumination: distance, flatGradient: plan.flatGradient },
    });
  }
  return [...alike];
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
  gates: readonly Gate[],
): NewProduct[] {
  const first = frames[0]!.frame.product;
  const used = [recipe.bias?.id, recipe.dark?.id].filter((id) => id !== undefined);
  const product: NewProduct = {
    id: master.id,
    kind: "master",
    path: master.path,
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
    measured: {
      inputs: frames.length,
      level: master.level,
      sigma: master.sigma,
      ...(Number.isFinite(master.noise) ? { noise: master.noise } : {}),
      ...(master.temperatureC === undefined ? {} : { temperatureC: master.temperatureC }),
      accepted: master.accepted,
    },
    gates: [...gates],
  };
  return [product, ...recipe.masterVariance ? describeCompanions(master) : []];
}

function describeCompanions(master: Master): NewProduct[] {
  return (["variance", "count"] as const).map((role) => ({
    id: `${master.id}${MASTER_COMPANIONS[role].replace(/\.fits$/, "")}`,
    kind: "master",
    role,
    path: companionPath(master.path, role),
    of: master.id,
    from: [master.id],
    width: master.setup.width,
    height: master.setup.height,
  }));
}
