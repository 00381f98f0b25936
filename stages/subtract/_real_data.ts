/**
 * Real frames for tests, and the stage run on them.
 *
 * @module
 */

import { join } from "node:path";
import { loadSite } from "../../config/site.ts";
import { FitsHeader } from "../../fits/header.ts";
import { readImage, writeImage } from "../../fits/image.ts";
import { LazyCompute } from "../../gpu/lazy_compute.ts";
import { setWcs, tanWcs, wcsFromModel } from "../../sky/wcs.ts";
import type { Product } from "../manifest.ts";
import type { NewProduct } from "../stage.ts";
import { testContext } from "../testing.ts";
import { subtract } from "./mod.ts";

const DATA = Deno.env.get("GPPY_TESTDATA") ??
  new URL("../../../shared/data", import.meta.url).pathname;
/** A crowded field in which a lens event flares on 2013-08-03. */
export const SAAO: string = join(DATA, "saao-kb13475");
/** Cut-outs of two stacks, and what another program makes of them. */
export const DECAM: string = join(DATA, "decam-sfft-mini");

/** Whether a set is not there. */
export function absent(folder: string): boolean {
  try {
    return !Deno.statSync(folder).isDirectory;
  } catch {
    return true;
  }
}

/** What the stage makes of one frame. */
export interface RealRun {
  readonly made: readonly NewProduct[];
  readonly left: readonly { readonly error: string; readonly message: string }[];
  /** The difference. */
  readonly difference: Product;
  /** Its measured quantities that are numbers. */
  measured(key: string): number;
  /** The product of an id ending. */
  product(ending: string): NewProduct;
}

/**
 * Runs the stage on one frame.
 *
 * @param base A folder for what it writes.
 * @param frame The frame: its path, object and filter.
 * @param flags Parameters of the stage.
 * @returns What it made.
 */
export async function runReal(
  base: string,
  frame: Partial<Product>,
  flags: Record<string, unknown>,
): Promise<RealRun> {
  const folder = await Deno.makeTempDir({ dir: base, prefix: "work-" });
  const site = await loadSite({ base, env: {} });
  const product = { id: "x", kind: "stack", path: "", unit: "none", ...frame } as Product;
  const compute = new LazyCompute({ device: "cpu" });
  try {
    const products = [product];
    const { context, left } = testContext({ products, site, folder, stage: "subtract", compute });
    const { products: made } = await subtract.run(subtract.params.parse(flags), context);
    const difference = made.find(({ kind }) => kind === "difference") as Product;
    return {
      ...{ made, left, difference },
      measured: (key) => Number(difference.measured[key]),
      product: (ending) => made.find(({ id }) => id === `${product.id}.subt.${ending}`)!,
    };
  } finally {
    compute[Symbol.dispose]();
  }
}

/** A frame of the crowded field with the WCS that its measured shift amounts to. */
export interface SaaoFrame {
  readonly path: string;
  /** Where the event is, px. */
  readonly event: { readonly x: number; readonly y: number };
}

/** Writes a frame of the crowded field with a WCS. */
export async function saaoFrame(base: string, frame: string): Promise<SaaoFrame> {
  const table = await Deno.readTextFile(join(SAAO, "derived_event_lightcurve.csv"));
  const line = table.split("\n").map((row) => row.split(",")).find(([name]) => name === frame)!;
  const [dx, dy] = [Number(line[4]), Number(line[5])];
  const image = await readImage(join(SAAO, "Images", `AKB13475I${frame}.fits`));
  const { width, height, data } = image;
  const wcs = tanWcs({ raDeg: 273.87, decDeg: -25.285, scaleArcsec: 0.31, width, height });
  const { crpix } = wcs.model;
  const header = FitsHeader.from({ FILTER: "I", EGAIN: 1.9, SATURATE: 60000 });
  setWcs(header, wcsFromModel({ ...wcs.model, crpix: [crpix[0] - dx, crpix[1] - dy] }));
  const path = join(base, `${frame}.fits`);
  await writeImage(path, { width, height, data, header });
  return { path, event: { x: 270.9 - dx, y: 219.8 - dy } };
}

/** The largest value within a few pixels of a place. */
export async function peakNear(
  path: string,
  { x, y }: { readonly x: number; readonly y: number },
  reach = 3,
): Promise<{ readonly value: number; readonly x: number; readonly y: number }> {
  const { data, width } = await readImage(path);
  let best = { value: -Infinity, x: 0, y: 0 };
  for (let row = Math.round(y) - reach; row <= Math.round(y) + reach; row++) {
    for (let column = Math.round(x) - reach; column <= Math.round(x) + reach; column++) {
      const value = data[row * width + column]!;
      if (value > best.value) best = { value, x: column, y: row };
    }
  }
  return best;
}
