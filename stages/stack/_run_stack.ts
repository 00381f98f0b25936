/** Runs the stage on made frames, for its tests. */

import { join } from "node:path";
import { loadSite } from "../../config/site.ts";
import { readImage } from "../../fits/image.ts";
import { LazyCompute } from "../../gpu/lazy_compute.ts";
import { readMask } from "../../sky/mask.ts";
import type { NewProduct } from "../stage.ts";
import { testContext } from "../testing.ts";
import { stack } from "./mod.ts";

/** A stack as its files have it, and the messages of what was left behind. */
export interface MadeStack {
  readonly image: Awaited<ReturnType<typeof readImage>>;
  readonly mask: Uint16Array;
  readonly weight: Float32Array;
  readonly left: readonly string[];
}

/**
 * Stacks frames on two threads and reads the one stack that comes of them.
 *
 * @param folder Where the frames lie and where the stage works.
 * @param products The frames, their masks and weights.
 * @param params Flags of the stage.
 * @returns The stack.
 */
export async function runStack(
  folder: string,
  products: readonly NewProduct[],
  params: Record<string, unknown>,
): Promise<MadeStack> {
  const site = await loadSite({ base: join(folder, "base"), env: {} });
  using compute = new LazyCompute({ device: "cpu", cpu: { threads: 2 } });
  const { context, left } = testContext({
    ...{ stage: "stack", products, inputs: ["frame"], site, folder, compute },
  });
  const made = await stack.run(stack.params.parse(params), context);
  const path = made.products.find(({ kind }) => kind === "stack")!.path;
  return {
    image: await readImage(path),
    mask: (await readMask(path.replace(".fits", ".mask.fits"))).data,
    weight: (await readImage(path.replace(".fits", ".weight.fits"))).data,
    left: left.map(({ message }) => message),
  };
}
