/**
 * The stage `stack`: from registered frames to deep ones.
 *
 * @module
 */

import { z } from "zod";
import { DataError } from "../../config/errors.ts";
import type { Product } from "../manifest.ts";
import { defineStage, type NewProduct, type StageContext } from "../stage.ts";
import { type Block, stackId, timeBlocks } from "./blocks.ts";
import { combineFrames, type CombineOptions } from "./combine.ts";
import { measureFrame, scaleFrames, type StackFrame } from "./frames.ts";
import { chooseGrid, type Grid } from "./grid.ts";
import { type StackPaths, stackPaths, type StackStatistics, writeStack } from "./outputs.ts";
import { stackHeader, stackTimes } from "./stack_header.ts";
import { combineWithSwarp } from "./swarp_engine.ts";

const params = z.object({
  engine: z.enum(["auto", "native", "swarp"]).default("auto")
    .describe("What resamples and combines; auto is native"),
  combine: z.enum(["clipped-mean", "median", "mean", "clipped-median"]).default("clipped-mean")
    .describe("How the samples of a pixel become one"),
  clipSigma: z.number().positive().default(4)
    .describe("Reject samples farther than this from their median").meta({ unit: "sigma" }),
  clipRelative: z.number().min(0).default(0.1)
    .describe(
      "Never reject samples nearer than clip-sigma times this fraction of the median, so " +
        "that stars survive changes of seeing",
    ),
  weights: z.enum(["noise", "equal"]).default("noise")
    .describe("Shares of the frames in a mean: by inverse variance of the sky, or equal"),
  scale: z.enum(["auto", "zeropoint", "exposure", "none"]).default("auto")
    .describe(
      "What brings frames to one flux scale; auto: zero points where all are measured, " +
        "else exposures",
    ),
  kernel: z.enum(["lanczos3", "bilinear", "nearest"]).default("lanczos3")
    .describe("Interpolation"),
  background: z.enum(["mesh", "constant", "none"]).default("mesh")
    .describe("What is taken off each frame before it is resampled"),
  meshPx: z.int().min(16).default(256).describe("Cell of the background mesh").meta({ unit: "px" }),
  grid: z.enum(["auto", "target", "frames", "first"]).default("auto")
    .describe(
      "Grid of the stack: the tile of alltarget.dat, what encloses the frames, the first " +
        "frame's; auto: the tile where it is known, else the frames",
    ),
  pixelScaleArcsec: z.number().min(0).default(0)
    .describe("Pixel of the stack; 0: that of the unit or the frames").meta({ unit: "arcsec" }),
  gapS: z.number().min(0).default(300)
    .describe("A pause longer than this starts a new stack").meta({ unit: "s" }),
  minFrames: z.int().min(1).default(1).describe("Make no stack of fewer frames"),
});

type Params = z.output<typeof params>;

/** Combines registered frames into deep ones. */
export const stack = defineStage({
  name: "stack",
  summary: "Combine registered frames into deep ones",
  description:
    `Sorts frames by unit, object, filter and binning, and into blocks without a pause; resamples each
block to one grid through the exact WCS (flux kept by the area of the pixels), and combines it without
BAD, SAT, CR, STREAK and NO_DATA samples. Beside the stack stand its mask (planes of all samples that
took part; CLIPPED, REJECTED; NO_DATA and the value 0 where nothing did) and its weight (inverse variance).`,
  params,
  inputs: { frame: "Calibrated frames with a WCS" },
  outputs: {
    stack: "Combined frame, ADU on the scale of its deepest input",
    mask: "Bit planes of the stack",
    weight: "Inverse variance of the stack, 1/ADU²",
  },
  metrics: z.object({
    frames: z.int().describe("Frames that went into stacks"),
    stacks: z.int(),
  }),
  ingestAs: "frame",
  async run(params, context) {
    const blocks = timeBlocks(context.inputs, params.gapS);
    const enough = blocks.filter((block) => hasEnough(block, params.minFrames, context));
    const made = await context.each(enough, (block) => stackBlock(block, params, context), {
      id: (block) => block.id,
    });
    const frames = made.reduce((sum, one) => sum + one.frames, 0);
    return {
      products: made.flatMap(({ products }) => products),
      metrics: { frames, stacks: made.length },
    };
  },
});

function hasEnough(block: Block, minFrames: number, context: StageContext): boolean {
  const count = block.frames.length;
  if (count >= minFrames) return true;
  context.leave(block.id, {
    error: "Gate",
    message: `Cannot make a stack: ${count} frames, at least ${minFrames} are wanted`,
    details: { frames: count, minFrames },
  });
  return false;
}

async function stackBlock(
  block: Block,
  params: Params,
  context: StageContext,
): Promise<{ readonly products: NewProduct[]; readonly frames: number }> {
  const measured = await context.each(
    block.frames,
    (product) =>
      measureFrame(product, {
        mask: context.companion(product.id, "mask"),
        camera: context.site.units.get(product.unit ?? ""),
        meshPx: params.meshPx,
      }),
    { id: (product) => product.id },
  );
  if (measured.length < params.minFrames) {
    throw new DataError(
      `Cannot make "${block.id}": ${measured.length} of ${block.frames.length} frames can be used`,
    );
  }
  const frames = scaleFrames(measured, params.scale);
  const grid = gridOf(frames, params, context);
  const weights = frames.map(({ skySigmaAdu, scale }) =>
    params.weights === "equal" ? 1 : 1 / (skySigmaAdu * scale) ** 2
  );
  const engine = params.engine === "swarp" ? "swarp" : "native";
  const options: CombineOptions = {
    ...params,
    method: params.combine,
    weights,
    signal: context.signal,
  };
  const id = stackId(frames.map(({ product }) => product)); // without the frames left behind
  const header = stackHeader(frames, grid, { ...options, id, engine });
  const strips = engine === "swarp"
    ? combineWithSwarp(frames, grid, {
      ...options,
      meshPx: params.meshPx,
      folder: context.folder,
      context,
    })
    : combineFrames(frames, grid, options);
  const paths = stackPaths(context.folder, id);
  const statistics = await writeStack(paths, grid, header, strips);
  const made = { grid, paths, statistics, gain: header.number("EGAIN") };
  return { products: describe(id, frames, made), frames: frames.length };
}

function gridOf(frames: readonly StackFrame[], params: Params, context: StageContext): Grid {
  const { object = "", unit = "" } = frames[0]!.product;
  return chooseGrid(frames, {
    choice: params.grid,
    scaleArcsec: params.pixelScaleArcsec,
    target: context.site.target(object),
    unit: context.site.units.get(unit),
    object,
  });
}

interface MadeStack {
  readonly grid: Grid;
  readonly paths: StackPaths;
  readonly statistics: StackStatistics;
  readonly gain: number | undefined;
}

function describe(id: string, frames: readonly StackFrame[], made: MadeStack): NewProduct[] {
  const first: Product = frames[0]!.product;
  const { width, height } = made.grid;
  const times = stackTimes(frames);
  const from = frames.map(({ product }) => product.id);
  const common = {
    from,
    ...(first.unit === undefined ? {} : { unit: first.unit }),
    ...(first.object === undefined ? {} : { object: first.object }),
    ...(first.filter === undefined ? {} : { filter: first.filter }),
    exposureS: times.exposureS,
    dateObs: times.dateObs,
    mjd: times.mjd,
    width,
    height,
  };
  const { noiseAdu, coverage } = made.statistics;
  return [
    {
      ...common,
      id,
      kind: "stack",
      path: made.paths.image,
      imageType: "light",
      ...(first.binning === undefined ? {} : { binning: first.binning }),
      ...(made.gain === undefined ? {} : { gain: made.gain }),
      measured: {
        inputs: frames.length,
        noiseAdu: Number.isFinite(noiseAdu) ? noiseAdu : null,
        coverage,
      },
    },
    { ...common, id: `${id}.mask`, kind: "mask", path: made.paths.mask, of: id },
    { ...common, id: `${id}.weight`, kind: "weight", path: made.paths.weight, of: id },
  ];
}
