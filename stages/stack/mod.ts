/**
 * The stage `stack`: from registered frames to deep ones.
 *
 * @module
 */

import { z } from "zod";
import { DataError } from "../../config/errors.ts";
import { defineStage, type NewProduct, type StageContext } from "../stage.ts";
import { type Block, stackId, timeBlocks } from "./blocks.ts";
import { judgeInputs } from "./gates.ts";
import { describeStack, makeStack, prepareFrames } from "./make_stack.ts";
import { removeJournals } from "./outputs.ts";
import { combineParams, gateParams } from "./stack_params.ts";

const params = z.object({
  ...combineParams,
  gapS: z.number().min(0).default(300)
    .describe("A pause longer than this starts a new stack").meta({ unit: "s" }),
  unitsTogether: z.boolean().default(false)
    .describe("Combine frames of several telescopes; the stack is named after the first"),
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
    const blocks = timeBlocks(context.inputs, params.gapS, params.unitsTogether);
    const enough = blocks.filter((block) => hasEnough(block, params.minFrames, context));
    const made = await context.each(enough, (block) => stackBlock(block, params, context), {
      id: (block) => block.id,
    });
    await removeJournals(context.folder);
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
  const judged = judgeInputs(block.frames, params);
  for (const { product, gate, reason } of judged.left) {
    context.leave(product.id, {
      error: "Gate",
      message: `Cannot stack "${product.id}": ${reason}`,
      details: { gate: gate.name, value: gate.value, threshold: gate.threshold },
      losing: [], // the frame itself is as good as before
    });
  }
  const frames = await prepareFrames(judged.kept, params, context);
  if (frames.length < Math.max(1, params.minFrames)) {
    throw new DataError(
      `Cannot make "${block.id}": ${frames.length} of ${block.frames.length} frames can be used`,
    );
  }
  const id = stackId(frames.map(({ product }) => product)); // without the frames left behind
  const kept = new Set(frames.map(({ product }) => product.id));
  const left = block.frames.filter((product) => !kept.has(product.id)).map((product) => ({
    id: product.id,
    reason: judged.left.find((one) => one.product === product)?.reason ?? "it cannot be used",
  }));
  const made = await makeStack(frames, { id, left }, params, context);
  return { products: describeStack(made), frames: frames.length };
}
