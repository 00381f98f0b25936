/**
 * The engines that may subtract, in the order they are tried.
 *
 * @module
 */

import { ExternalToolError, UsageError } from "../../../config/errors.ts";
import type { StageContext } from "../../stage.ts";
import { hotpantsEngine } from "./hotpants.ts";
import { skyShare, subtractNative } from "./native.ts";
import { withNoiseShare } from "./noise_share.ts";
import { subtractPreconvolved } from "./preconvolved.ts";
import type { ConvolvedSide, Engine } from "../pair.ts";
import { subtractZogy } from "./zogy.ts";

/** Names of the engines; `auto` tries them in this order. */
export const ENGINES = ["hotpants", "native", "zogy"] as const;

/** What a user may decide about engines. */
export interface EngineChoice {
  readonly engine: "auto" | (typeof ENGINES)[number];
  readonly convolve: "auto" | ConvolvedSide | "preconvolve";
  readonly basis: "gaussians" | "delta";
  readonly kernelOrder: number | null;
  readonly backgroundOrder: number | null;
  readonly scaleOrder: number;
  readonly clipSigma: number;
  /** Regions of HOTPANTS along x and y, such as `3x2`. */
  readonly regions: string | null;
}

/**
 * Refuses what no engine can do.
 *
 * @param choice What was asked for.
 * @throws {UsageError} If preconvolution is asked of an engine that has none.
 */
export function requirePossible({ engine, convolve }: EngineChoice): void {
  if (convolve !== "preconvolve" || engine === "auto" || engine === "native") return;
  throw new UsageError(`--convolve preconvolve is for the native engine, not for ${engine}`);
}

/**
 * Makes the engines to try.
 *
 * @param choice What was asked for.
 * @param context The stage's context.
 * @param scratch A folder for what is needed only now.
 * @returns In the order to be tried.
 * @throws {ExternalToolError} If HOTPANTS is asked for and not installed.
 */
export async function chooseEngines(
  choice: EngineChoice,
  context: StageContext,
  scratch: string,
): Promise<Engine[]> {
  const made = {
    hotpants: makeHotpants(choice, context, scratch),
    native: makeNative(choice, context),
    zogy: makeZogy(context),
  };
  if (choice.convolve === "preconvolve") return [made.native];
  if (choice.engine === "auto") return ENGINES.map((name) => made[name]);
  if (choice.engine !== "hotpants" || await made.hotpants.available()) return [made[choice.engine]];
  throw new ExternalToolError(
    "Cannot subtract with HOTPANTS: the program is not on PATH; use --engine native, zogy or auto",
    { details: { missing: true } },
  );
}

/** Orders and direction where they are given. */
function orders({ convolve, kernelOrder, backgroundOrder }: EngineChoice) {
  return {
    ...(convolve === "auto" || convolve === "preconvolve" ? {} : { convolve }),
    ...(kernelOrder === null ? {} : { kernelOrder }),
    ...(backgroundOrder === null ? {} : { backgroundOrder }),
  };
}

function makeHotpants(choice: EngineChoice, context: StageContext, scratch: string): Engine {
  const [x, y] = choice.regions?.split("x").map(Number) ?? [];
  const regions = x === undefined || y === undefined ? {} : { regions: [x, y] as const };
  const { tools, signal } = context;
  const engine = hotpantsEngine({ ...orders(choice), ...regions, tools, scratch });
  return {
    ...engine,
    run: async (pair) => {
      // it takes the noise as files, so what of it is noise has to be known before
      const noiseShare = await skyShare(pair, { compute: await context.compute.get(), signal });
      return { ...await engine.run(withNoiseShare(pair, noiseShare)), noiseShare };
    },
  };
}

function makeNative(choice: EngineChoice, context: StageContext): Engine {
  const { basis, scaleOrder, clipSigma } = choice;
  return {
    name: "native",
    available: () => Promise.resolve(true),
    run: async (pair) => {
      const compute = await context.compute.get();
      const { signal } = context;
      const fit = { ...orders(choice), basis, scaleOrder, clipSigma };
      const subtract = choice.convolve === "preconvolve" ? subtractPreconvolved : subtractNative;
      return subtract(pair, { ...fit, compute, signal });
    },
  };
}

function makeZogy(context: StageContext): Engine {
  return {
    name: "zogy",
    available: () => Promise.resolve(true),
    run: async (pair) => {
      const compute = await context.compute.get();
      return subtractZogy(pair, { compute, signal: context.signal });
    },
  };
}
