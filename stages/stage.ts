/**
 * What a stage is: one declaration, from which come the flags, the help, the
 * environment names, the documentation page and the record in the manifest.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";
import type * as z from "zod";
import type { Site } from "../config/site.ts";
import type { ToolSet } from "../external/run_tool.ts";
import type { LazyCompute } from "../gpu/lazy_compute.ts";
import type { Manifest, Product, ProductKind } from "./manifest.ts";

/** A type without its index signature: the keys that have a name. */
export type NamedKeys<T> = { [K in keyof T as string extends K ? never : K]: T[K] };

/**
 * A product as a stage reports it; the runner adds size, digest and stage. Keys that the
 * schema does not know are kept in the manifest.
 */
export type NewProduct =
  & Pick<NamedKeys<Product>, "id" | "kind" | "path">
  & Partial<Omit<NamedKeys<Product>, "id" | "kind" | "path" | "bytes" | "sha256" | "stage">>
  & Readonly<Record<string, unknown>>;

/** What a stage returns. */
export interface StageOutcome<Metrics> {
  /** Files that exist now. A product with the id of an earlier one takes its place. */
  readonly products: readonly NewProduct[];
  /** Of the declared form. */
  readonly metrics: Metrics;
}

/** Reports how far a stage has come. */
export interface Progress {
  /** Says that `done` of `total` steps are over, and what is being worked on. */
  (done: number, total: number, what: string): void;
}

/** What a stage has at hand besides its parameters. */
export interface StageContext {
  /** Products of the declared kinds that `--only` lets through, absolute paths, in order of time. */
  readonly inputs: readonly Product[];
  /** The whole manifest so far; not to be changed. */
  readonly manifest: Manifest;
  /** Paths, telescopes, tables and files of settings. */
  readonly site: Site;
  /** The stage's own folder, which exists. Outputs go there under their final names. */
  readonly folder: string;
  /** Runs external programs under the stage's signal and keeps their versions. */
  readonly tools: ToolSet;
  /** Where pixels are computed, opened when first asked for. */
  readonly compute: LazyCompute;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  /** Where the stage says what it does. */
  readonly log: Logger;
  /** Told how far the stage is; {@linkcode StageContext.each} tells it already. */
  readonly progress: Progress;
  /** The companion of an image (its mask, its catalogue…), if there is one. */
  companion(imageId: string, kind: ProductKind, role?: string): Product | undefined;
  /**
   * Runs `work` on each item. An item that throws a `GppyError` is recorded as
   * left behind and the others go on; any other error ends the stage, as does
   * a program that is not installed (`details.missing`), for it fails them all.
   *
   * @param items What to work on.
   * @param work Gives the result of one item.
   * @param options How to name an item, which products are lost with it, and how many run at once (1).
   * @returns The results of the items that worked, in order.
   */
  each<Item, Result>(
    items: readonly Item[],
    work: (item: Item) => Promise<Result> | Result,
    options: EachOptions<Item>,
  ): Promise<Result[]>;
  /**
   * Tells that the file of a product is complete, so that its digest is found while the stage goes on;
   * of others it is found at the end.
   */
  complete(path: string): void;
  /** Records something as left behind without throwing: a gate that failed, a borrowed frame. */
  leave(id: string, reason: LeaveReason): void;
}

/** How {@linkcode StageContext.each} names and bounds its work. */
export interface EachOptions<Item> {
  /** The id under which a failure is recorded. */
  readonly id: (item: Item) => string;
  /** Ids of the products that are lost to later stages; the id itself if left out. */
  readonly losing?: (item: Item) => readonly string[];
  /** How many items are worked on at once; 1 if left out. */
  readonly concurrency?: number;
}

/** Why something was left behind. */
export interface LeaveReason {
  /** Class of the error, or `Gate`. */
  readonly error: string;
  /** For the user: what could not be done, and why. */
  readonly message: string;
  /** Facts for the manifest. */
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
  /** Whether the stage shall try again when it is asked to run once more; no if left out. */
  readonly retryable?: boolean;
  /** Ids of the products that are lost to later stages; the id itself if left out. */
  readonly losing?: readonly string[];
}

/** One stage of the pipeline. */
export interface StageDeclaration<
  Params extends z.ZodObject = z.ZodObject,
  Metrics extends z.ZodObject = z.ZodObject,
> {
  /** A verb; the name of the subcommand. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Paragraphs for `--help` and the documentation page. */
  readonly description?: string;
  /** Every parameter with its default, unit and description. */
  readonly params: Params;
  /** The kinds it takes, each with what it is to this stage. */
  readonly inputs: Partial<Record<ProductKind, string>>;
  /** The kinds it makes, each with what it is. */
  readonly outputs: Partial<Record<ProductKind, string>>;
  /** What it measures of its own run. */
  readonly metrics: Metrics;
  /** What bare FITS files given on the command line are taken as. */
  readonly ingestAs: "raw" | "frame" | "stack" | "difference";
  /** Whether several manifests may be given, whose products it takes together; no if left out. */
  readonly manyNights?: boolean;
  /**
   * Narrows the products of the declared kinds down to those the stage shall take.
   * Left out: all of them.
   */
  readonly select?: (products: readonly Product[], manifest: Manifest) => readonly Product[];
  /** Does the work: load, compute, save. */
  run(params: z.output<Params>, context: StageContext): Promise<StageOutcome<z.output<Metrics>>>;
}

/**
 * Declares a stage; the types of `params` and `metrics` follow from the schemas.
 *
 * @param declaration The stage.
 * @returns The same object, typed.
 */
export function defineStage<Params extends z.ZodObject, Metrics extends z.ZodObject>(
  declaration: StageDeclaration<Params, Metrics>,
): StageDeclaration<Params, Metrics> {
  return declaration;
}
