/**
 * Calibrates the lights of a night.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import { packFits } from "../../../external/fpack.ts";
import type { NewProduct, StageContext } from "../../stage.ts";
import { calibrateLight } from "./calibrate_light.ts";
import type { RawFrame } from "../frames/frame.ts";
import { type Fringe, fringeRow, readFringe } from "./fringe.ts";
import { type FoundMaster, type MasterLibrary, wishOf } from "../masters/library.ts";
import type { MasterType } from "../frames/groups.ts";
import type { LightMasters } from "./light_recipe.ts";
import { type FringeInput, makeFringe } from "./make_fringe.ts";
import type { MasterPlan } from "../masters/masters.ts";
import { calibratedId } from "../masters/names.ts";
import type { CalibParams } from "../params.ts";

/** Lights that need the same masters one after the other, so that these stay in memory. */
export function inOrderOfMasters(frames: readonly RawFrame[]): RawFrame[] {
  const key = ({ product, setup }: RawFrame) =>
    [setup.width, setup.height, setup.binning, setup.gain, product.filter, product.exposureS]
      .join(" ");
  return frames.filter(({ product }) => (product.imageType ?? "light") === "light")
    .map((frame) => ({ frame, key: key(frame) }))
    .sort((a, b) => a.key.localeCompare(b.key))
    .map(({ frame }) => frame);
}

/**
 * Calibrates lights; one that fails is left behind.
 *
 * @param lights Raw lights.
 * @param plan Library and cache.
 * @param params What the user chose.
 * @param context Records failures.
 * @returns Images, masks, weights and compressed copies, light by light.
 */
export async function calibrateLights(
  lights: readonly RawFrame[],
  plan: MasterPlan,
  params: CalibParams,
  context: StageContext,
): Promise<NewProduct[]> {
  const taken = new Map<string, string>();
  const fringes = new FringeShelf(context, params.fringe);
  const made = await context.each(lights, async (frame) => {
    const products = await calibrateLight(frame, {
      ...await chooseMasters(frame, plan.library, params),
      id: claimName(frame, taken),
      folder: context.folder,
      signal: context.signal,
      limits: params,
      overscan: params.overscan,
      weight: params.weight,
      durable: plan.durable,
      cosmicRays: params.cosmicRays,
      fringe: await fringes.find(frame),
      cache: plan.cache,
      compute: context.compute,
    });
    return params.compress ? [...products, ...await packAll(products, context)] : products;
  }, { id: ({ product }) => product.id });
  return made.flat();
}

function claimName(frame: RawFrame, taken: Map<string, string>): string {
  const id = calibratedId(frame.product);
  const other = taken.get(id);
  if (other !== undefined) {
    throw new DataError(
      `Cannot calibrate "${frame.product.id}": "${other}" gives the same name "${id}"`,
      { details: { file: frame.product.path, other, name: id } },
    );
  }
  taken.set(id, frame.product.id);
  return id;
}

async function chooseMasters(
  frame: RawFrame,
  library: MasterLibrary,
  need: Pick<CalibParams, "needBias" | "needDark" | "needFlat">,
): Promise<LightMasters> {
  const choose = (type: MasterType, needed: boolean): Promise<FoundMaster | undefined> =>
    needed ? library.require(frame, type) : library.find(wishOf(frame, type));
  return {
    bias: await choose("bias", need.needBias),
    flat: await choose("flat", need.needFlat),
    dark: await choose("dark", need.needDark),
  };
}

/** The fringe pattern in use; lights come sorted by filter, so that one is enough. */
class FringeShelf {
  readonly #context: StageContext;
  readonly #wanted: boolean;
  #image = "";
  #fringe: Fringe | undefined;

  constructor(context: StageContext, wanted: boolean) {
    this.#context = context;
    this.#wanted = wanted;
  }

  async find({ product, setup }: RawFrame): Promise<Fringe | undefined> {
    const { site } = this.#context;
    const row = this.#wanted ? fringeRow(site.fringe, setup.unit, product.filter ?? "") : undefined;
    if (row === undefined) return undefined;
    if (this.#fringe === undefined || this.#image !== row.image) {
      this.#fringe = await readFringe(site, row, await this.#context.compute.get());
      this.#image = row.image;
    }
    return this.#fringe;
  }
}

async function packAll(
  products: readonly NewProduct[],
  { tools }: StageContext,
): Promise<NewProduct[]> {
  const packed: NewProduct[] = [];
  for (const product of products) {
    const path = `${product.path}.fz`;
    await packFits(tools, product.path, path);
    packed.push({
      id: `${product.id}.fz`,
      kind: "archive",
      path,
      of: product.id,
      from: [product.id],
    });
  }
  return packed;
}

/**
 * Makes a fringe pattern of each filter.
 *
 * @param calibrated What {@linkcode calibrateLights} made.
 * @param plan Names of masters.
 * @param context Records filters for which there are too few lights.
 * @returns The patterns.
 */
export async function makeFringes(
  calibrated: readonly NewProduct[],
  plan: MasterPlan,
  context: StageContext,
): Promise<NewProduct[]> {
  const masks = new Map(
    calibrated.filter(({ kind }) => kind === "mask").map(({ of, path }) => [of, path]),
  );
  const groups = Map.groupBy(
    calibrated.filter(({ kind }) => kind === "frame"),
    ({ unit, filter, width, height }) => JSON.stringify([unit, filter, width, height]),
  );
  return await context.each([...groups.values()], async (images) => {
    const inputs: FringeInput[] = images.map((image) => ({ image, mask: masks.get(image.id)! }));
    const { unit = "none", filter = "none" } = images[0]!;
    const { night, root } = plan;
    const compute = await context.compute.get();
    return makeFringe(inputs, { unit, filter, night, root, signal: context.signal, compute });
  }, { id: (images) => `${plan.night}-f${images[0]!.filter}`, losing: () => [] });
}
