/**
 * A stage context for tests: runs one stage on products made by the test.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { Site } from "../config/site.ts";
import { type ToolSet, toolSet } from "../external/run_tool.ts";
import { LazyCompute } from "../gpu/lazy_compute.ts";
import { makeContext, type RecordingContext } from "./context.ts";
import { type Manifest, MANIFEST_VERSION, type Product } from "./manifest.ts";
import type { NewProduct } from "./stage.ts";

/** What a test gives; the rest has defaults. */
export interface TestContextOptions {
  readonly stage?: string;
  readonly products: readonly NewProduct[];
  /** Kinds that become `context.inputs`; all products if left out. */
  readonly inputs?: readonly string[];
  readonly site: Site;
  readonly folder: string;
  readonly unit?: string;
  readonly signal?: AbortSignal;
  /** The outside programs; those on `PATH` if left out. */
  readonly tools?: ToolSet;
  /** To be disposed of by the test; one that is never asked for starts no threads. */
  readonly compute?: LazyCompute;
}

/**
 * Completes a product as the runner would, with a digest of zeros.
 *
 * @param product As a stage reports it.
 * @returns The product with every required field.
 */
export function testProduct(product: NewProduct): Product {
  return {
    bytes: 0,
    sha256: "0".repeat(64),
    stage: "test",
    from: [],
    measured: {},
    gates: [],
    ...product,
  };
}

/**
 * Makes a context to run a stage in.
 *
 * @param options Products, site and folder.
 * @returns The context, and the list of what gets left behind.
 */
export function testContext(options: TestContextOptions): RecordingContext {
  const products = options.products.map(testProduct);
  const manifest: Manifest = {
    gppyManifest: MANIFEST_VERSION,
    night: {
      unit: options.unit ?? "7DT07",
      date: "2024-04-23",
      source: options.folder,
      work: options.folder,
    },
    products,
    left: [],
    stages: [],
  };
  const signal = options.signal ?? new AbortController().signal;
  return makeContext({
    stage: options.stage ?? "test",
    inputs: products.filter((product) => options.inputs?.includes(product.kind) ?? true),
    manifest,
    site: options.site,
    folder: options.folder,
    tools: options.tools ?? toolSet({ signal }),
    compute: options.compute ?? new LazyCompute({ device: "cpu" }),
    signal,
    log: getLogger(["gppy", "test"]),
    progress: () => {},
  });
}
