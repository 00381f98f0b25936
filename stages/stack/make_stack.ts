/**
 * From products to a stack on disk: what the stage `stack` and `gppy reference` share.
 *
 * @module
 */

import { VERSION } from "../../config/version.ts";
import type { FitsHeader } from "../../fits/header.ts";
import type { Product } from "../manifest.ts";
import { digestValue } from "../manifest_file.ts";
import type { NewProduct, StageContext } from "../stage.ts";
import { keepArtefacts } from "./combine/artefact_file.ts";
import {
  findArtefacts,
  type FrameArtefacts,
  markArtefacts,
  placeArtefacts,
} from "./combine/artefacts.ts";
import { combineFrames, type CombineOptions, type StackStrip } from "./combine/combine.ts";
import { commonStars } from "./frames/common_stars.ts";
import { scaleFrames } from "./frames/flux_scale.ts";
import { measureFrame, type StackFrame } from "./frames/frames.ts";
import type { LeftOut } from "./frames/gates.ts";
import { findTile, pointingOf, readGrid } from "./frames/given_grid.ts";
import { chooseGrid, type Grid } from "./frames/grid.ts";
import { leaveCloudy } from "./frames/transparency.ts";
import { type StackPaths, stackPaths, writeStack } from "./output/outputs.ts";
import { stackHeader, stackTimes } from "./output/stack_header.ts";
import { type CombineParams, pixelMethod } from "./stack_params.ts";
import type { StackStatistics } from "./output/stack_statistics.ts";
import { combineWithSwarp } from "./combine/swarp_engine.ts";

/** Name of a stack and what did not go into it. */
export interface StackRequest {
  /** The file name without `.fits`. */
  readonly id: string;
  /** Inputs that were left out, and why. */
  readonly left: readonly { readonly id: string; readonly reason: string }[];
}

/** A stack on disk. */
export interface MadeStack {
  readonly id: string;
  readonly frames: readonly StackFrame[];
  readonly grid: Grid;
  readonly paths: StackPaths;
  readonly statistics: StackStatistics;
  /** Electrons an ADU. */
  readonly gain: number | undefined;
}

/**
 * Measures frames and brings them to one flux scale; those that cannot be used are left behind.
 *
 * @param products Frames with a WCS.
 * @param params Mesh, scale and the smallest transparency, null for any.
 * @param context Masks, telescopes and the record of failures.
 * @returns The frames that can be used, and those that are not clear enough.
 */
export async function prepareFrames(
  products: readonly Product[],
  params: Pick<CombineParams, "meshPx" | "scale"> & { readonly minTransparency: number | null },
  context: StageContext,
): Promise<{ readonly frames: StackFrame[]; readonly left: readonly LeftOut[] }> {
  const measured = await context.each(
    products,
    async (product) =>
      await measureFrame(product, {
        mask: context.companion(product.id, "mask"),
        weight: context.companion(product.id, "weight"),
        camera: context.site.units.get(product.unit ?? ""),
        meshPx: params.meshPx,
        compute: await context.compute.get(),
      }),
    { id: (product) => product.id },
  );
  const stars = commonStars(context);
  const { kept, left } = await leaveCloudy(measured, params.minTransparency, stars);
  return { frames: kept.length === 0 ? [] : await scaleFrames(kept, params.scale, stars), left };
}

/**
 * Combines frames and writes the stack.
 *
 * @param frames At least one.
 * @param request Its name, and what was left out.
 * @param params How to combine.
 * @param context Folder and signal.
 * @returns The stack.
 */
export async function makeStack(
  frames: readonly StackFrame[],
  request: StackRequest,
  params: CombineParams,
  context: StageContext,
): Promise<MadeStack> {
  const { id } = request;
  const grid = await gridOf(frames, params, context);
  const engine = params.engine === "swarp" ? "swarp" : "native";
  const options = await combineOptions(frames, params, context);
  const paths = stackPaths(context.folder, id);
  const record = { ...options, ...request, method: params.combine, engine } as const;
  const digest = await digestOf(frames, stackHeader(frames, grid, record), params, context);
  const artefacts = engine === "native" && params.combine === "artefacts"
    ? placeArtefacts(
      await keepArtefacts(paths.artefacts, digest, () =>
        findArtefacts(frames, grid, {
          ...options,
          growPx: params.growPx,
          onRows: (rows) => context.progress(rows, grid.height, `${id}, artefacts`),
        })),
      frames,
      grid,
    )
    : undefined;
  const header = stackHeader(frames, grid, { ...record, artefacts });
  const strips = stripsOf(frames, grid, { engine, options, artefacts, params, context });
  const statistics = await writeStack(paths, grid, header, strips, {
    ...(engine === "native" && { digest }),
    onRows: (rows) => context.progress(rows, grid.height, id),
    signal: context.signal,
  });
  return { id, frames, grid, paths, statistics, gain: header.number("EGAIN") };
}

async function combineOptions(
  frames: readonly StackFrame[],
  params: CombineParams,
  context: StageContext,
): Promise<CombineOptions> {
  const weights = frames.map(({ skySigmaAdu, scale }) =>
    params.weights === "equal" ? 1 : 1 / (skySigmaAdu * scale) ** 2
  );
  const { kernel, background, clipSigma, clipRelative } = params;
  return {
    ...{ kernel, background, clipSigma, clipRelative, weights },
    method: pixelMethod(params.combine, params.engine),
    compute: await context.compute.get(),
    signal: context.signal,
  };
}

interface StripParts {
  readonly engine: "native" | "swarp";
  readonly options: CombineOptions;
  readonly artefacts: readonly FrameArtefacts[] | undefined;
  readonly params: CombineParams;
  readonly context: StageContext;
}

/** Gives the strips of a stack from a row on. */
function stripsOf(
  frames: readonly StackFrame[],
  grid: Grid,
  { engine, options, artefacts, params, context }: StripParts,
): (fromRow: number) => AsyncIterable<StackStrip> {
  const { folder } = context;
  if (engine === "swarp") {
    const { meshPx } = params;
    return () => combineWithSwarp(frames, grid, { ...options, meshPx, folder, context });
  }
  if (artefacts === undefined) {
    return (fromRow) => combineFrames(frames, grid, { ...options, fromRow });
  }
  const spoilt = artefacts.map((one) => one.spoilt);
  return (fromRow) =>
    markArtefacts(combineFrames(frames, grid, { ...options, spoilt, fromRow }), artefacts, grid);
}

/** Of all that the pixels of a stack depend on. */
async function digestOf(
  frames: readonly StackFrame[],
  header: FitsHeader,
  params: CombineParams,
  context: StageContext,
): Promise<string> {
  const companions = frames.flatMap(({ product }) =>
    (["mask", "weight"] as const).map((kind) => context.companion(product.id, kind)?.sha256 ?? null)
  );
  return await digestValue({ gppy: VERSION, header: header.toText(), companions, params });
}

async function gridOf(
  frames: readonly StackFrame[],
  params: CombineParams,
  { site }: StageContext,
): Promise<Grid> {
  if (params.gridHeader !== null) return await readGrid(params.gridHeader);
  const { object = "", unit = "" } = frames[0]!.product;
  const target = params.gridTable === null
    ? site.target(object)
    : await findTile(params.gridTable, object);
  return chooseGrid(frames, {
    choice: params.grid,
    scaleArcsec: params.pixelScaleArcsec,
    target,
    pointing: pointingOf(frames[0]!.header),
    widthPx: params.tileWidthPx,
    heightPx: params.tileHeightPx,
    unit: site.units.get(unit),
    object,
  });
}

/**
 * Describes a stack, its mask and its weight as products.
 *
 * @param made The stack.
 * @returns Three products.
 */
export function describeStack(made: MadeStack): NewProduct[] {
  const { id, frames } = made;
  const first: Product = frames[0]!.product;
  const { width, height } = made.grid;
  const times = stackTimes(frames);
  const common = {
    from: frames.map(({ product }) => product.id),
    ...(first.unit === undefined ? {} : { unit: first.unit }),
    ...(first.object === undefined ? {} : { object: first.object }),
    ...(first.filter === undefined ? {} : { filter: first.filter }),
    exposureS: times.exposureS,
    dateObs: times.dateObs,
    mjd: times.mjd,
    width,
    height,
  };
  const { noiseAdu, coverage, noiseCorrelation } = made.statistics;
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
        noiseCorrelation: Number.isFinite(noiseCorrelation) ? noiseCorrelation : null,
      },
    },
    { ...common, id: `${id}.mask`, kind: "mask", path: made.paths.mask, of: id },
    { ...common, id: `${id}.weight`, kind: "weight", path: made.paths.weight, of: id },
  ];
}
