/**
 * From a stack of the manifest to a pair ready for an engine.
 *
 * @module
 */

import { basename, join } from "node:path";
import { DataError } from "../../config/errors.ts";
import { readImage } from "../../fits/image.ts";
import { readAsciiHead } from "../../sky/catalogue.ts";
import { setWcs, wcsFromHeader } from "../../sky/wcs.ts";
import type { Product } from "../manifest.ts";
import type { StageContext } from "../stage.ts";
import { type AlignedReference, alignReference } from "./align.ts";
import { type ExtractionOptions, extractSources, sourcesOf, stellarFwhmPx } from "./catalogues.ts";
import {
  type ImageFacts,
  type LoadedImage,
  quietPixels,
  readMasked,
  toPairImage,
  withSky,
  writeFilled,
} from "./load.ts";
import type { AlignedPair } from "./pair.ts";
import type { ChosenReference } from "./references.ts";
import { chooseStars, type SourceList, type StarChoice } from "./stars.ts";

/** A pair with what is known of it. */
export interface LoadedPair {
  readonly pair: AlignedPair;
  /**
   * The pair again when only a share of the variance of bare sky is noise, the
   * rest being stars too faint and too many to be told apart.
   */
  readonly pairWith: (noiseShare: number) => AlignedPair;
  readonly science: LoadedImage;
  readonly aligned: AlignedReference;
  readonly chosen: ChosenReference;
  /** The reference on the science grid, on disk. */
  readonly referencePath: string;
  /** 1 at pixels of bare sky. */
  readonly quiet: Uint8Array;
  /** Offset of the stars of both images, px. */
  readonly registrationPx: number;
  readonly registrationScatterPx: number;
}

/** Limits for the stars of the kernel. */
export interface LoadOptions {
  readonly minSnr: number;
  readonly maxSnr: number;
  readonly maxStars: number;
  readonly minCoverage: number;
  /** A folder for what is needed only now. */
  readonly scratch: string;
}

/**
 * Loads a science frame and its reference: aligned, with masks, variances, the
 * stars for the kernel and the bare sky.
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
  const facts = factsOf(product, context);
  const science = await loadScience(product, context, facts);
  const { aligned, reference, referencePath } = await loadReference(chosen, science, {
    facts,
    path: join(context.folder, `${product.id}.ref.fits`),
    minCoverage: options.minCoverage,
  });
  const lists = await sourceLists(product, { science, reference, referencePath }, context, options);
  const fwhm = {
    science: requireFwhm(stellarFwhmPx(lists.science), product.path),
    reference: requireFwhm(stellarFwhmPx(lists.reference), chosen.path),
  };
  const parts = choosePair({ science, reference, lists, fwhm, options });
  const { stars } = parts;
  if (!(stars.scale > 0)) {
    throw new DataError(
      `Cannot subtract "${chosen.path}" from "${product.path}": ` +
        `${stars.matched} sources in common, none fit to compare`,
      { details: { file: product.path, matched: stars.matched } },
    );
  }
  const paths = { science: product.path, reference: referencePath };
  return {
    ...{ science, aligned, chosen, referencePath },
    pairWith: (noiseShare) => makePair(parts, paths, noiseShare),
    pair: makePair(parts, paths, 1),
    quiet: parts.quiet,
    registrationPx: Math.hypot(...stars.offsetPx),
    registrationScatterPx: stars.scatterPx,
  };
}

interface PairParts {
  readonly science: LoadedImage;
  readonly reference: LoadedImage;
  readonly fwhm: { readonly science: number; readonly reference: number };
  readonly quiet: Uint8Array;
  readonly stars: StarChoice;
}

function choosePair(
  given: Pick<PairParts, "science" | "reference" | "fwhm"> & {
    readonly lists: { readonly science: SourceList; readonly reference: SourceList };
    readonly options: LoadOptions;
  },
): PairParts {
  const { science, reference, fwhm, lists, options } = given;
  const { width, height } = science;
  const stars = chooseStars(lists.science, lists.reference, {
    ...{ width, height, ...options },
    masks: [science.mask, reference.mask],
    scienceFwhmPx: fwhm.science,
    referenceFwhmPx: fwhm.reference,
  });
  const widest = Math.max(fwhm.science, fwhm.reference);
  const quiet = quietPixels(science, [lists.science, lists.reference], widest);
  return { science, reference, fwhm, stars, quiet };
}

function makePair(
  parts: PairParts,
  paths: { readonly science: string; readonly reference: string },
  noiseShare: number,
): AlignedPair {
  const { science, reference, fwhm, quiet, stars } = parts;
  return {
    width: science.width,
    height: science.height,
    science: toPairImage(paths.science, science, fwhm.science, quiet, noiseShare),
    reference: toPairImage(paths.reference, reference, fwhm.reference, quiet, noiseShare),
    stars: stars.stars,
    scale: stars.scale,
  };
}

function factsOf(product: Product, context: StageContext): ImageFacts {
  const unit = context.site.units.get(product.unit ?? context.manifest.night.unit);
  return {
    gainEAdu: product.gain ?? unit?.gainEAdu,
    saturationAdu: unit?.saturationAdu,
  };
}

async function loadScience(
  product: Product,
  context: StageContext,
  facts: ImageFacts,
): Promise<LoadedImage> {
  const mask = context.companion(product.id, "mask")?.path;
  const read = await readMasked(product.path, mask, facts);
  const { width, height, data, header } = read.image;
  const image = { width, height, data, mask: read.mask };
  const loaded = withSky(image, header, { ...facts, saturationAdu: read.saturationAdu });
  const weights = context.companion(product.id, "weight");
  if (weights === undefined) return loaded;
  const weight = await readImage(weights.path);
  const fits = weight.width === width && weight.height === height;
  return fits ? { ...loaded, weight: weight.data } : loaded;
}

async function loadReference(
  chosen: ChosenReference,
  science: LoadedImage,
  options: { readonly facts: ImageFacts; readonly path: string; readonly minCoverage: number },
): Promise<{ aligned: AlignedReference; reference: LoadedImage; referencePath: string }> {
  const { facts, path, minCoverage } = options;
  const read = await readMasked(chosen.path, chosen.maskPath, {
    ...facts,
    saturationAdu: undefined,
  });
  const aligned = alignReference(read.image, read.mask, science.header, science);
  if (aligned.coverage < minCoverage) {
    throw new DataError(
      `Cannot subtract "${chosen.path}": it covers ${
        (100 * aligned.coverage).toFixed(1)
      } % of the ` +
        `frame, and at least ${100 * minCoverage} % are needed`,
      { details: { file: chosen.path, coverage: aligned.coverage, minCoverage } },
    );
  }
  const { width, height } = science;
  const image = { width, height, data: aligned.data, mask: aligned.mask };
  const reference = withSky(image, read.image.header, {
    ...facts,
    saturationAdu: read.saturationAdu,
  });
  await writeFilled(path, reference, referenceHeader(chosen, science));
  return { aligned, reference, referencePath: path };
}

function referenceHeader(chosen: ChosenReference, science: LoadedImage) {
  const header = chosen.header.clone();
  const wcs = wcsFromHeader(science.header);
  if (wcs !== undefined) setWcs(header, wcs);
  header.addHistory(`gppy subtract: ${basename(chosen.path)} on the grid of the science frame`);
  header.addHistory("gppy subtract: gaps hold the level of the sky");
  return header;
}

/** What Source Extractor takes for no saturation; it refuses 1e30. */
const UNLIMITED_ADU = 1e9;

async function sourceLists(
  product: Product,
  images: {
    readonly science: LoadedImage;
    readonly reference: LoadedImage;
    readonly referencePath: string;
  },
  context: StageContext,
  options: LoadOptions,
): Promise<{ science: SourceList; reference: SourceList }> {
  const at = (name: string) => join(options.scratch, name);
  const how = (image: LoadedImage): ExtractionOptions => ({
    config: context.site.file("7dt.sex"),
    filter: context.site.file("gauss_3.0_7x7.conv"),
    gainEAdu: image.gainEAdu,
    saturationAdu: Number.isFinite(image.saturationAdu) ? image.saturationAdu : UNLIMITED_ADU,
    detectSigma: 3,
  });
  const { science, reference, referencePath } = images;
  const catalogue = context.companion(product.id, "catalogue");
  const known = catalogue === undefined
    ? undefined
    : sourcesOf(await readAsciiHead(catalogue.path));
  return {
    science: known ??
      await extractSources(context.tools, product.path, at("science.cat"), how(science)),
    reference: await extractSources(
      context.tools,
      referencePath,
      at("reference.cat"),
      how(reference),
    ),
  };
}

function requireFwhm(fwhmPx: number, path: string): number {
  if (fwhmPx > 0) return fwhmPx;
  throw new DataError(`Cannot subtract: fewer than 3 stars to measure the PSF of "${path}" by`, {
    details: { file: path },
  });
}
