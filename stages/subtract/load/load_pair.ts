/**
 * From a stack of the manifest to a pair ready for an engine.
 *
 * @module
 */

import { together } from "../../../config/together.ts";
import { join } from "node:path";
import { DataError } from "../../../config/errors.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import { openImage } from "../../../fits/image.ts";
import type { Product } from "../../manifest.ts";
import type { StageContext } from "../../stage.ts";
import type { CoordinateMesh } from "../../../gpu/kernels/resample/mesh.ts";
import { type AlignedReference, mapToReference, resampleReference } from "./align.ts";
import {
  type ImageParts,
  type LoadedImage,
  noiseOf,
  quietPixels,
  toPairImage,
  withSky,
} from "./image_noise.ts";
import {
  type HeldImage,
  holdImage,
  holdWeight,
  type ImageFacts,
  type LoadContext,
} from "./load.ts";
import type { AlignedPair, ImageSize } from "../pair.ts";
import { keepReference } from "./keep_reference.ts";
import type { ChosenReference } from "./references.ts";
import { SharedArrays } from "../shared_arrays.ts";
import { findSources, type ImageSources } from "./sources.ts";
import { brightStars, chooseStars, type StarChoice } from "./stars.ts";

/** A pair with what is known of it. To be disposed of, which frees its images. */
export interface LoadedPair extends Disposable {
  readonly pair: AlignedPair;
  readonly science: LoadedImage;
  readonly aligned: AlignedReference;
  readonly chosen: ChosenReference;
  /** The reference on the science grid, on disk. */
  readonly referencePath: string;
  /** 1 at pixels of bare sky. */
  readonly quiet: Uint8Array<ArrayBufferLike>;
  /** Offset of the stars of both images, px. */
  readonly registrationPx: number;
  readonly registrationScatterPx: number;
}

/** Limits for the stars of the kernel. */
export interface LoadOptions {
  readonly minSnr: number;
  readonly maxSnr: number;
  /** At most; by the size of the field when null. */
  readonly maxStars: number | null;
  readonly minCoverage: number;
}

/**
 * Loads a science frame and its reference: aligned, with masks, the noise of
 * their sky, the stars for the kernel and the bare sky.
 *
 * @param product The science frame.
 * @param chosen The reference.
 * @param context The stage's context.
 * @param options Limits for the stars.
 * @returns The pair.
 * @throws {DataError} If the images do not overlap or carry no stars.
 */
export async function loadPair(
  product: Product,
  chosen: ChosenReference,
  context: StageContext,
  options: LoadOptions,
): Promise<LoadedPair> {
  const compute = await context.compute.get();
  const arrays = new SharedArrays(compute);
  try {
    const where = { compute, arrays, signal: context.signal };
    return await loadInto(product, chosen, context, options, where);
  } catch (error) {
    arrays[Symbol.dispose]();
    throw error;
  }
}

async function loadInto(
  product: Product,
  chosen: ChosenReference,
  context: StageContext,
  options: LoadOptions,
  where: LoadContext,
): Promise<LoadedPair> {
  const facts = factsOf(product, context);
  const grid = await gridOf(product.path);
  const loadOwn = async () => {
    const science = await loadScience(product, context, facts, where);
    return { science, found: await sourcesOf(science, product.path, where) };
  };
  const loadOther = async () => {
    const aligned = await loadReference(chosen, grid, facts, options, where);
    const reference = await withSky(aligned.image, facts, where.compute, where.signal);
    const found = await sourcesOf(reference, chosen.path, where);
    return { aligned, reference: { ...reference, weight: aligned.weight }, found };
  };
  // the threads work on one image while the other is read
  const [scienceSide, referenceSide] = await together([loadOwn(), loadOther()]);
  const { science } = scienceSide, { aligned, reference } = referenceSide;
  const found = { science: scienceSide.found, reference: referenceSide.found };
  const stars = chooseFrom(found, science, reference, options);
  if (!(stars.scale > 0)) {
    throw new DataError(
      `Cannot subtract "${chosen.path}" from "${product.path}": ` +
        `${stars.matched} sources in common, none fit to compare`,
      { details: { file: product.path, matched: stars.matched } },
    );
  }
  const widest = Math.max(found.science.fwhmPx, found.reference.fwhmPx);
  const quiet = where.arrays.bytes(science.width * science.height);
  await quietPixels(science, [found.science.list, found.reference.list], widest, quiet, where);
  const referencePath = join(context.folder, `${product.id}.ref.fits`);
  await keepReference(referencePath, { chosen, aligned, reference, science });
  context.complete(referencePath);
  const partsOf = async (image: LoadedImage, path: string, { fwhmPx }: ImageSources) => {
    return { path, image, fwhmPx, noise: await noiseOf(image, quiet, fwhmPx, where) };
  };
  const [own, other] = await together([
    partsOf(science, product.path, found.science),
    partsOf(reference, referencePath, found.reference),
  ]);
  const halves = { science: own, reference: other };
  const bright = brightStars(found.science.list);
  const pair = makePair(halves, { stars, quiet, bright });
  return {
    ...{ science, aligned, chosen, referencePath, quiet, pair },
    registrationPx: Math.hypot(...stars.offsetPx),
    registrationScatterPx: stars.scatterPx,
    [Symbol.dispose]: () => where.arrays[Symbol.dispose](),
  };
}

/** Size and WCS of a science frame. */
interface Grid extends ImageSize {
  readonly header: FitsHeader;
}

async function gridOf(path: string): Promise<Grid> {
  using image = await openImage(path);
  const { width, height, header } = image;
  return { width, height, header };
}

function chooseFrom(
  found: { readonly science: ImageSources; readonly reference: ImageSources },
  science: LoadedImage,
  reference: LoadedImage,
  options: LoadOptions,
): StarChoice {
  const { width, height } = science;
  return chooseStars(found.science.list, found.reference.list, {
    ...{ width, height, ...options },
    maxStars: options.maxStars ?? Math.round(200 + 5e-6 * width * height),
    masks: [science.mask, reference.mask],
    scienceFwhmPx: found.science.fwhmPx,
    referenceFwhmPx: found.reference.fwhmPx,
  });
}

function makePair(
  halves: { readonly science: ImageParts; readonly reference: ImageParts },
  rest: Required<Pick<AlignedPair, "quiet" | "bright">> & { readonly stars: StarChoice },
): AlignedPair {
  const { width, height } = halves.science.image;
  return {
    ...{ width, height },
    science: toPairImage(halves.science),
    reference: toPairImage(halves.reference),
    ...{ stars: rest.stars.stars, scale: rest.stars.scale },
    ...{ quiet: rest.quiet, bright: rest.bright },
  };
}

function factsOf(product: Product, context: StageContext): ImageFacts {
  const unit = () => context.site.units.get(product.unit ?? context.manifest.night.unit);
  return {
    gainEAdu: () => product.gain ?? unit()?.gainEAdu,
    saturationAdu: () => unit()?.saturationAdu,
  };
}

async function loadScience(
  product: Product,
  context: StageContext,
  facts: ImageFacts,
  where: LoadContext,
): Promise<LoadedImage> {
  const mask = context.companion(product.id, "mask")?.path;
  const image = await holdImage(product.path, mask, facts, where);
  const loaded = await withSky(image, facts, where.compute, where.signal);
  const weight = context.companion(product.id, "weight");
  if (weight === undefined) return loaded;
  return { ...loaded, weight: await holdWeight(weight.path, image, where) };
}

async function loadReference(
  chosen: ChosenReference,
  grid: Grid,
  facts: ImageFacts,
  { minCoverage }: LoadOptions,
  where: LoadContext,
): Promise<AlignedReference> {
  const noLevel = { ...facts, saturationAdu: () => undefined };
  const { header, path, maskPath } = chosen;
  const size = {
    width: header.requireNumber("NAXIS1"),
    height: header.requireNumber("NAXIS2"),
  };
  const mesh = mapToReference(header, grid.header, { reference: size, science: grid });
  let image: HeldImage;
  if (mesh === undefined) image = await holdImage(path, maskPath, noLevel, where);
  else {
    using own = new SharedArrays(where.compute);
    const read = await holdImage(path, maskPath, noLevel, { ...where, arrays: own });
    image = await resampleReference(read, mesh, grid, where);
  }
  const { coverage } = image;
  if (coverage >= minCoverage) {
    const weight = await referenceWeight(chosen, mesh, { reference: size, science: grid }, where);
    return { image, weight, resampled: mesh !== undefined, coverage };
  }
  throw new DataError(
    `Cannot subtract "${path}": it covers ${(100 * coverage).toFixed(1)} % of the ` +
      `frame, and at least ${100 * minCoverage} % are needed`,
    { details: { file: path, coverage, minCoverage } },
  );
}

/** The weight of a reference on the grid of a science frame: how its depth differs over the field. */
async function referenceWeight(
  { weightPath, header }: ChosenReference,
  mesh: CoordinateMesh | undefined,
  { reference, science }: { readonly reference: ImageSize; readonly science: ImageSize },
  where: LoadContext,
): Promise<Float32Array<ArrayBufferLike> | undefined> {
  if (weightPath === undefined) return undefined;
  if (mesh === undefined) return await holdWeight(weightPath, reference, where);
  using arrays = new SharedArrays(where.compute);
  const data = await holdWeight(weightPath, reference, { ...where, arrays });
  if (data === undefined) return undefined;
  const mask = arrays.words(data.length).fill(0);
  const held = { ...reference, data, mask, header, saturationAdu: Infinity, coverage: 1 };
  return (await resampleReference(held, mesh, science, where, "bilinear")).data;
}

async function sourcesOf(
  image: LoadedImage,
  path: string,
  { compute, signal }: LoadContext,
): Promise<ImageSources> {
  const { sky } = image;
  const parts = {
    ...image,
    skyAt: sky.level.bind(sky),
    sigmaAt: sky.sigma.bind(sky),
  };
  const found = await findSources(compute, parts, signal);
  if (found.fwhmPx > 0) return found;
  throw new DataError(`Cannot subtract: fewer than 3 stars to measure the PSF of "${path}" by`, {
    details: { file: path },
  });
}
