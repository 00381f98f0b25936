/**
 * The context a stage runs in, and the record of what it left behind.
 *
 * @module
 */

import { DataError, GppyError, GpuError } from "../config/errors.ts";
import { isPlaceFault } from "../config/place_fault.ts";
import { LazyCompute } from "../gpu/lazy_compute.ts";
import type { Digests } from "./digests.ts";
import type { Left, Manifest, Product, ProductKind } from "./manifest.ts";
import type { EachOptions, LeaveReason, StageContext } from "./stage.ts";
import { together } from "../config/together.ts";

/** What the runner knows before a stage begins. */
export type ContextParts =
  & Pick<
    StageContext,
    "inputs" | "manifest" | "site" | "folder" | "tools" | "signal" | "log" | "progress"
  >
  & {
    readonly stage: string;
    readonly compute?: LazyCompute;
    /** Told of files that are complete. */
    readonly digests?: Digests;
  };

/** A context together with the list that its failures go to. */
export interface RecordingContext {
  readonly context: StageContext;
  readonly left: readonly Left[];
}

/**
 * Makes the context of one run of one stage.
 *
 * @param parts What the runner knows.
 * @returns The context, and the list of what gets left behind while it is used.
 */
export function makeContext(parts: ContextParts): RecordingContext {
  const { stage, digests, ...rest } = parts;
  const left: Left[] = [];
  const paths = new Map(parts.manifest.products.map((product) => [product.id, product.path]));
  const companions = indexCompanions(parts.manifest);
  const leave = (id: string, reason: LeaveReason): void => {
    // A full disk is no reason to lose a frame: the stage fails, and is run again.
    if (isPlaceFault(reason.message)) {
      throw new DataError(reason.message, { details: { ...reason.details, id } });
    }
    parts.log.warn("{id} left behind: {message}", { id, message: reason.message });
    const path = paths.get(id);
    left.push({
      id,
      stage,
      error: reason.error,
      message: reason.message,
      details: { ...reason.details },
      retryable: reason.retryable ?? false,
      products: [...(reason.losing ?? [id])],
      ...(path === undefined ? {} : { path }),
    });
  };
  const context: StageContext = {
    ...rest,
    compute: parts.compute ?? new LazyCompute({ device: "cpu" }),
    leave,
    complete: (path) => digests?.begin(path),
    companion: (imageId, kind, role) => companions.get(companionKey(imageId, kind, role)),
    each: (items, work, options) => runEach(items, work, options, { ...parts, leave }),
  };
  return { context, left };
}

async function runEach<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result> | Result,
  options: EachOptions<Item>,
  parts: ContextParts & Pick<StageContext, "leave">,
): Promise<Result[]> {
  const results: { index: number; value: Result }[] = [];
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      const item = items[index] as Item;
      parts.signal.throwIfAborted();
      parts.progress(done, items.length, options.id(item));
      try {
        results.push({ index, value: await work(item) });
      } catch (error) {
        parts.signal.throwIfAborted();
        if (!(error instanceof GppyError) || isOfTheMachine(error)) {
          next = items.length; // the others finish what they have and begin nothing more
          throw error;
        }
        const losing = options.losing?.(item);
        parts.leave(options.id(item), {
          error: error.name,
          message: error.message,
          details: error.details,
          retryable: error.retryable,
          ...(losing === undefined ? {} : { losing }),
        });
      }
      parts.progress(++done, items.length, options.id(item));
    }
  };
  const workers = Math.max(1, Math.min(options.concurrency ?? 1, items.length));
  await together(Array.from({ length: workers }, worker));
  return results.sort((a, b) => a.index - b.index).map((result) => result.value);
}

/** A program or a device that is not there fails them all. */
function isOfTheMachine(error: GppyError): boolean {
  return error instanceof GpuError || error.details.missing === true;
}

function companionKey(imageId: string, kind: ProductKind, role: string | undefined): string {
  return `${imageId}\n${kind}\n${role ?? ""}`;
}

function indexCompanions(manifest: Manifest): Map<string, Product> {
  const lost = new Set(manifest.left.flatMap((left) => left.products));
  const index = new Map<string, Product>();
  for (const product of manifest.products) {
    if (product.of === undefined || lost.has(product.id)) continue;
    index.set(companionKey(product.of, product.kind, product.role), product);
    const bare = companionKey(product.of, product.kind, undefined);
    if (!index.has(bare)) index.set(bare, product);
  }
  return index;
}
