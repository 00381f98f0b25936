/**
 * The stage `stack`: from registered frames to deep ones.
 *
 * @module
 */

import * as z from "zod";
import { DataError } from "../../config/errors.ts";
import type { Product } from "../manifest.ts";
import { defineStage, type NewProduct, type StageContext } from "../stage.ts";
import { type Block, listedBlocks, stackId, timeBlocks } from "./frames/blocks.ts";
import { isListed, readList, readSkipped, SKIP_FILE } from "./frames/frame_lists.ts";
import { judgeInputs, type LeftOut } from "./frames/gates.ts";
import { describeStack, makeStack, prepareFrames } from "./make_stack.ts";
import { removeJournals } from "./output/outputs.ts";
import { combineParams, gateParams } from "./stack_params.ts";

const params = z.object({
  ...combineParams,
  gapS: z.number().min(0).nullable().default(300)
    .describe("A pause longer than this starts a new stack; none: only objects and filters do")
    .meta({ unit: "s" }),
  unitsTogether: z.boolean().default(false)
    .describe("Combine frames of several telescopes; the stack is named after the first"),
  lists: z.array(z.string()).default([])
    .describe("Make one stack of the frames that each of these files names, and no others"),
  skip: z.string().nullable().default(null)
    .describe(`File of objects and frames to leave out; none: ${SKIP_FILE} of the site folder`),
  minFrames: z.int().min(1).default(1).describe("Make no stack of fewer frames"),
  ...gateParams,
});

type Params = z.output<typeof params>;

/** Combines registered frames into deep ones. */
export const stack = defineStage({
  name: "stack",
  summary: "Combine registered frames into deep ones",
  description:
    `Sorts frames by unit, object, filter and binning, and into blocks without a pause; resamples each
block to one grid through the exact WCS (flux kept by the area of the pixels), and combines it without
BAD, SAT, CR, STREAK, CROSSTALK and NO_DATA samples. Beside the stack stand its mask (planes of all samples that
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
    skipped: z.int().describe("Frames that were left out by a list"),
  }),
  ingestAs: "frame",
  manyNights: true,
  async run(params, context) {
    const skipped = await readSkipped(params.skip, context.site.folder);
    const inputs = context.inputs.filter((frame) => !isListed(skipped, frame));
    const leftOut = context.inputs.filter((frame) => isListed(skipped, frame));
    context.log.debug("{frames} frames are on the skip list", { frames: leftOut.length });
    const blocks = await makeBlocks(inputs, params);
    const enough = blocks.filter((block) => hasEnough(block, params.minFrames, context));
    const made = await context.each(
      enough,
      (block) => stackBlock(block, leftOut, params, context),
      {
        id: (block) => block.id,
      },
    );
    await removeJournals(context.folder);
    const frames = made.reduce((sum, one) => sum + one.frames, 0);
    return {
      products: made.flatMap(({ products }) => products),
      metrics: { frames, stacks: made.length, skipped: leftOut.length },
    };
  },
});

async function makeBlocks(inputs: readonly Product[], params: Params): Promise<Block[]> {
  if (params.lists.length === 0) return timeBlocks(inputs, params.gapS, params.unitsTogether);
  return listedBlocks(inputs, await Promise.all(params.lists.map(readList)));
}

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

function leaveOut({ product, gate, reason }: LeftOut, context: StageContext): void {
  context.leave(product.id, {
    error: "Gate",
    message: `Cannot stack "${product.id}": ${reason}`,
    details: { gate: gate.name, value: gate.value, threshold: gate.threshold },
    losing: [], // the frame itself is as good as before
  });
}

async function stackBlock(
  block: Block,
  skipped: readonly Product[],
  params: Params,
  context: StageContext,
): Promise<{ readonly products: NewProduct[]; readonly frames: number }> {
  const judged = judgeInputs(block.frames, params);
  const { frames, left: cloudy } = await prepareFrames(judged.kept, params, context);
  const rejected = [...judged.left, ...cloudy];
  for (const one of rejected) leaveOut(one, context);
  if (frames.length < Math.max(1, params.minFrames)) {
    throw new DataError(
      `Cannot make "${block.id}": ${frames.length} of ${block.frames.length} frames can be used`,
    );
  }
  const id = stackId(frames.map(({ product }) => product)); // without the frames left behind
  const kept = new Set(frames.map(({ product }) => product.id));
  const left = block.frames.filter((product) => !kept.has(product.id)).map((product) => ({
    id: product.id,
    reason: rejected.find((one) => one.product === product)?.reason ?? "it cannot be used",
  }));
  const { object, filter } = frames[0]!.product;
  for (const one of skipped) {
    if (one.object !== object || one.filter !== filter) continue;
    left.push({ id: one.id, reason: "it is on the skip list" });
  }
  const made = await makeStack(frames, { id, left }, params, context);
  return { products: describeStack(made), frames: frames.length };
}
