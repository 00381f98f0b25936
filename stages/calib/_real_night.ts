/** Runs the stage on real frames, for tests that compare with numpy and astropy. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { getLogger } from "@logtape/logtape";
import type * as z from "zod";
import { loadSite } from "../../config/site.ts";
import { type ToolSet, toolSet } from "../../external/run_tool.ts";
import { makeContext } from "../context.ts";
import { ingest } from "../ingest.ts";
import type { Left } from "../manifest.ts";
import { chooseInputs } from "../runner.ts";
import type { NewProduct } from "../stage.ts";
import { calib } from "./mod.ts";

const DATA = Deno.env.get("GPPY_TESTDATA") ?? resolve(import.meta.dirname!, "../../../shared/data");

/** The path of real frames below the test data, and whether it is absent. */
export function realData(name: string): { readonly path: string; readonly ignore: boolean } {
  const path = join(DATA, name);
  return { path, ignore: !existsSync(path) };
}

const OBS = `unit gain_e_adu read_noise_e pixel_scale_arcsec field_w_deg field_h_deg rotation_deg \
parity lat_deg lon_deg height_m saturation_adu width_px height_px
ARCSAT 1.39 16.8 0.67 - - 180 -1 32.78 -105.82 2788 60000 1024 1024
SAAO 1.9 5.0 0.31 - - 0 1 -32.38 20.81 1760 65000 512 520
LCO 6.3 7.0 0.778 - - 0 1 30.68 -104.02 2030 40000 1024 1024
PANOPTES 1.5 10 10 - - 0 1 19.54 -155.58 3400 16000 5208 3476
`;

/** A run of the stage. */
export interface RealRun {
  readonly products: readonly NewProduct[];
  readonly left: readonly Left[];
  /** The master tree. */
  readonly masters: string;
  readonly folder: string;
}

/** A folder for runs, with its site. */
export class RealNight implements AsyncDisposable {
  readonly root: string;
  #runs = 0;

  private constructor(root: string) {
    this.root = root;
  }

  /** Makes the folder; `tables` are further files of the site, by name. */
  static async create(tables: Readonly<Record<string, string>> = {}): Promise<RealNight> {
    const root = await Deno.makeTempDir({ prefix: "gppy-real-" });
    for (const [name, text] of Object.entries({ "obs.dat": OBS, ...tables })) {
      await Deno.writeTextFile(join(root, name), text);
    }
    return new RealNight(root);
  }

  /** Runs the stage on files of one unit. */
  async run(
    paths: readonly string[],
    unit: string,
    params: z.input<typeof calib.params> = {},
    tools?: ToolSet,
  ): Promise<RealRun> {
    const site = await loadSite({ folder: this.root, base: join(this.root, "base"), env: {} });
    const signal = new AbortController().signal;
    const common = { site, signal, log: getLogger(["gppy", "test"]), progress: () => {} };
    const manifest = await ingest([...paths], { as: "raw", unit, ...common });
    const folder = join(this.root, `calib${++this.#runs}`);
    await Deno.mkdir(folder);
    const { context, left } = makeContext({
      ...common,
      stage: "calib",
      inputs: chooseInputs(calib, manifest),
      manifest,
      folder,
      tools: tools ?? toolSet({ signal }),
    });
    const { products } = await calib.run(calib.params.parse(params), context);
    const masters = site.paths.masters;
    return { products, left: [...manifest.left, ...left], masters, folder };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.root, { recursive: true });
  }
}

/** Runs a Python program that prints one JSON object. */
export async function python(
  program: string,
  args: readonly string[],
): Promise<Record<string, number>> {
  const command = new Deno.Command("/usr/bin/python3", { args: ["-c", program, ...args] });
  const { stdout, stderr, success } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Text of the HISTORY cards of a header. */
export function historyOf(cards: readonly { readonly keyword: string; readonly value: unknown }[]) {
  return cards.filter(({ keyword }) => keyword === "HISTORY").map(({ value }) => String(value))
    .join("\n");
}
