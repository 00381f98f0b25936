/**
 * The stage `curate`: products to their places in the processed tree.
 *
 * @module
 */

import { dirname, join } from "node:path";
import * as z from "zod";
import { bareName } from "../../fits/names.ts";
import { type Product, PRODUCT_KINDS, type ProductKind } from "../manifest.ts";
import { digestFile } from "../manifest_file.ts";
import { defineStage, type NewProduct, type StageContext } from "../stage.ts";
import { headerText } from "./headers.ts";
import { IMAGES, indexRows } from "./index_rows.ts";
import { homeOf, type LayoutOptions, placeOf, SHELVES } from "./layout.ts";
import { retainNight, retainNights } from "./retain_nights.ts";
import { transferFile, type Transferred } from "./transfer.ts";
import { TreeIndex } from "./tree_index.ts";

const DEFAULT_KINDS: readonly ProductKind[] = [
  "frame",
  "stack",
  "difference",
  "decorrelated",
  "score",
  "mask",
  "weight",
  "catalogue",
  "transients",
  "regions",
  "table",
  "picture",
  "stamp",
];

const params = z.object({
  kinds: z.array(z.enum(PRODUCT_KINDS)).default([...DEFAULT_KINDS])
    .describe("Kinds of products that go to the processed tree"),
  mode: z.enum(["link", "copy", "move"]).default("link")
    .describe(
      "link: hard link, a verified copy across file systems; move: the work folder loses the file",
    ),
  onConflict: z.enum(["version", "fail", "replace"]).default("version")
    .describe("When the place holds a different file; version: the new one is named .v2, .v3…"),
  headers: z.enum(["auto", "imhead", "native", "none"]).default("auto")
    .describe("What writes the header snapshots; auto: imhead when installed, native when not"),
  retain: z.enum(["all", "products", "days"]).default("all")
    .describe(
      "Intermediates that stay in the work folder; products: none whose product is verified in " +
        "the processed tree; days: the same for nights curated longer ago than retain-days",
    ),
  retainDays: z.number().min(0).default(14)
    .describe("How long intermediates stay with retain days").meta({ unit: "d" }),
  retainDryRun: z.boolean().default(false)
    .describe("Say which intermediates would go, and remove none"),
});

type Params = z.output<typeof params>;

/** Puts products into `<processed>/<OBJECT>/<UNIT>/<FILTER>/`. */
export const curate = defineStage({
  name: "curate",
  summary: "Put the products into the processed tree",
  description:
    "Brings frames, stacks, differences and what is made of these to <processed>/<OBJECT>/<UNIT>/<FILTER>/, photometry to " +
    "phot/ below it, what was found to transient/ with its stamps in png_image/ and fits_image/, and " +
    "headers as text to header/. Every file comes under a temporary name, is compared with the digest " +
    "of the manifest and only then gets its name, so it can be cut off at any instant and run again. " +
    "A file that is there already is left alone; a different one is never overwritten silently. " +
    "The manifest then names the curated files, and so does the index of the tree (index.sqlite, " +
    "index.csv; ObsCore columns). By --retain intermediates may go after that: only files that a " +
    "manifest of the night lists, never raw frames or masters, and only when the curated file was " +
    "read again and has the digest of the manifest.",
  params,
  inputs: Object.fromEntries(
    PRODUCT_KINDS.filter((kind) => kind !== "raw" && kind !== "master" && kind !== "header")
      .map((kind) => [kind, "Taken when --kinds names it"]),
  ),
  outputs: {
    ...Object.fromEntries(DEFAULT_KINDS.map((kind) => [kind, "In the processed tree"])),
    header: "Header of a frame, stack, difference, or decorrelated or score image as text",
  },
  metrics: z.object({
    files: z.int(),
    linked: z.int(),
    copied: z.int(),
    moved: z.int(),
    unchanged: z.int(),
    versioned: z.int(),
    replaced: z.int(),
    headers: z.int(),
    indexed: z.int().describe("Rows written to the index"),
    removed: z.int().describe("Intermediates that went, or would go in a dry run"),
    removedBytes: z.int(),
  }),
  ingestAs: "frame",
  async run(params, context) {
    const wanted = context.inputs.filter(({ kind }) => params.kinds.includes(kind));
    const layout = layoutOf(context);
    const done = await context.each(wanted, (product) => curateOne(product, params, layout), {
      id: (product) => product.id,
      losing: () => [],
    });
    const headers = params.headers === "none"
      ? []
      : await snapshotHeaders(done.map(({ product }) => product), params, context, layout);
    const products = [...done.map(({ product }) => product), ...headers];
    const indexed = await writeIndex(products, context);
    const { removed, removedBytes } = await retain(products, params, context);
    const { files, ...counts } = countActions(done);
    return {
      products,
      metrics: { files, ...counts, headers: headers.length, indexed, removed, removedBytes },
    };
  },
});

function countActions(done: readonly Curated[]) {
  const count = (action: Transferred["action"]) =>
    done.filter(({ transferred }) => transferred.action === action).length;
  return {
    files: done.length,
    linked: count("linked"),
    copied: count("copied"),
    moved: count("moved"),
    unchanged: count("unchanged"),
    versioned: done.filter(({ transferred }) => transferred.version > 1).length,
    replaced: done.filter(({ transferred }) => transferred.replaced).length,
  };
}

/** One row a product in the index of the tree. */
async function writeIndex(
  products: readonly NewProduct[],
  context: StageContext,
): Promise<number> {
  if (products.length === 0) return 0;
  const { manifest, site } = context;
  const tree = site.paths.processed;
  const number = String(manifest.stages.length + 1).padStart(2, "0");
  const curated: Product[] = [];
  for (const product of products) {
    const known = { from: [], measured: {}, gates: [], stage: "curate" };
    const digest = isDescribed(product) ? {} : await digestFile(product.path);
    curated.push({ ...known, ...digest, ...product } as Product);
  }
  const byId = new Map([...manifest.products, ...curated].map((product) => [product.id, product]));
  const rows = await indexRows(curated, {
    tree,
    night: manifest.night,
    manifestPath: join(manifest.night.work, `${number}-curate.json`),
    byId,
    now: new Date(),
  });
  using index = new TreeIndex(tree);
  index.put(rows);
  index.exportCsv();
  return rows.length;
}

function isDescribed(product: NewProduct): boolean {
  return typeof product["bytes"] === "number" && typeof product["sha256"] === "string";
}

async function retain(
  products: readonly NewProduct[],
  params: Params,
  context: StageContext,
): Promise<{ removed: number; removedBytes: number }> {
  const { work } = context.manifest.night;
  const { log, signal } = context;
  const options = { dryRun: params.retainDryRun, log, signal };
  const curated = [...context.manifest.products, ...products.filter(isDescribed) as Product[]];
  const done = params.retain === "all"
    ? []
    : params.retain === "products"
    ? [await retainNight(work, curated, options)]
    : await retainNights(
      dirname(work),
      { days: params.retainDays, nowMs: Date.now(), except: [work] },
      options,
    );
  return {
    removed: done.reduce((sum, { removed }) => sum + removed, 0),
    removedBytes: done.reduce((sum, { removedBytes }) => sum + removedBytes, 0),
  };
}

function layoutOf(context: StageContext): LayoutOptions {
  const byId = new Map(context.manifest.products.map((product) => [product.id, product]));
  // A stamp belongs to a difference, which belongs to a stack: go up until someone knows.
  const imageOf = (product: Product): Product | undefined => {
    const seen = new Set<string>();
    let image: Product | undefined = product;
    while (image !== undefined && !seen.has(image.id)) {
      seen.add(image.id);
      if (image.object !== undefined && image.filter !== undefined) return image;
      image = image.of === undefined ? undefined : byId.get(image.of);
    }
    return image;
  };
  return { processed: context.site.paths.processed, unit: context.manifest.night.unit, imageOf };
}

interface Curated {
  readonly product: Product;
  readonly transferred: Transferred;
}

async function curateOne(
  product: Product,
  params: Params,
  layout: LayoutOptions,
): Promise<Curated> {
  const place = placeOf(product, layout);
  const home = homeOf(product, layout);
  for (const shelf of SHELVES) await Deno.mkdir(join(home, shelf), { recursive: true });
  const transferred = await transferFile({
    source: product.path,
    sha256: product.sha256,
    // A product that was curated before keeps its place, its version included.
    target: product.path.startsWith(`${home}/`) ? product.path : place,
    mode: params.mode,
    onConflict: params.onConflict,
  });
  const { path, version } = transferred;
  const curated: Product = { ...product, path, madeBy: product["madeBy"] ?? product.stage };
  return { product: version > 1 ? { ...curated, version } : curated, transferred };
}

async function snapshotHeaders(
  products: readonly Product[],
  params: Params,
  context: StageContext,
  layout: LayoutOptions,
): Promise<NewProduct[]> {
  const engine = params.headers === "none" ? "native" : params.headers;
  const images = products.filter(({ kind }) => IMAGES.includes(kind));
  return await context.each(images, async (image): Promise<NewProduct> => {
    const text = await headerText(image.path, engine, context.tools);
    const name = `${bareName(image.path)}.header`;
    const draft = join(context.folder, name);
    await Deno.writeTextFile(draft, text);
    const { sha256 } = await digestFile(draft);
    const { path } = await transferFile({
      source: draft,
      sha256,
      target: join(homeOf(image, layout), "header", name),
      mode: "move",
      onConflict: params.onConflict,
    });
    const { id, object, filter, unit } = image;
    const known = Object.fromEntries(
      Object.entries({ object, filter, unit }).filter(([, value]) => value !== undefined),
    );
    return { ...known, id: `${id}.header`, kind: "header", path, of: id, from: [id] };
  }, { id: (image) => `${image.id}.header`, losing: () => [] });
}
