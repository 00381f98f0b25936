/**
 * A night in small: a raw frame, its calibrated frame made by two stages, a stack, a
 * catalogue, and `curate` run on them as the runner does.
 *
 * @module
 */

import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { Site } from "../../config/site.ts";
import { FitsHeader } from "../../fits/header.ts";
import { updateHeader, writeImage } from "../../fits/image.ts";
import { LazyCompute } from "../../gpu/lazy_compute.ts";
import { setWcs, tanWcs } from "../../sky/wcs.ts";
import { type Manifest, MANIFEST_VERSION, type Product } from "../manifest.ts";
import { digestFile, writeManifest } from "../manifest_file.ts";
import { resolveParameters } from "../parameters.ts";
import { runStage, type StageResult } from "../runner.ts";
import { siteOf, withFolder } from "./_testing.ts";
import { curate } from "./mod.ts";

/** A night before `curate`. */
export interface SmallNight {
  readonly base: string;
  readonly site: Site;
  readonly work: string;
  readonly tree: string;
  readonly manifest: Manifest;
  /** Runs `curate` and writes its manifest. */
  curate(flags?: Record<string, unknown>, force?: boolean): Promise<StageResult>;
}

const [WIDTH, HEIGHT] = [60, 40];
const MJD = 60423.25;

/** Runs a test on a night of its own. */
export function withNight(test: (night: SmallNight) => Promise<void>): Promise<void> {
  return withFolder(async (base) => {
    const site = await siteOf(base);
    const work = join(base, "work", "7DT07", "2024-04-23");
    for (const stage of ["calib", "phot", "stack"]) {
      await Deno.mkdir(join(work, stage), { recursive: true });
    }
    const manifest = await makeManifests(base, work);
    await test({
      base,
      site,
      work,
      tree: site.paths.processed,
      manifest,
      curate: (flags = {}, force = false) => runCurate(site, manifest, flags, force),
    });
  });
}

async function runCurate(
  site: Site,
  manifest: Manifest,
  flags: Record<string, unknown>,
  force: boolean,
): Promise<StageResult> {
  await using compute = new LazyCompute({ device: "cpu" });
  return await runStage({
    stage: curate,
    manifest,
    parameters: resolveParameters(curate, { flags: { headers: "native", ...flags } }),
    site,
    signal: new AbortController().signal,
    log: getLogger(["gppy", "test"]),
    progress: () => {},
    compute,
    force,
  });
}

async function makeManifests(base: string, work: string): Promise<Manifest> {
  const night = { unit: "7DT07", date: "2024-04-23", source: join(base, "raw"), work };
  const raw = await describe(await writeFrame(join(base, "raw", "r1.fits"), 0), {
    id: "r1",
    kind: "raw",
    stage: "ingest",
  });
  const known = { object: "T09614", filter: "m600", exposureS: 100, mjd: MJD };
  const first = await describe(await writeFrame(join(work, "calib", "f1.fits"), 1), {
    ...known,
    id: "f1",
    kind: "frame",
    stage: "calib",
    from: ["r1"],
  });
  const empty: Manifest = {
    gppyManifest: MANIFEST_VERSION,
    night,
    products: [],
    left: [],
    stages: [],
  };
  const calib = { ...empty, products: [raw, first] };
  await writeManifest(join(work, "01-calib.json"), calib);
  const path = join(work, "phot", "f1.fits");
  await updateHeader(first.path, path, (header) => header.set("ZP_AUTO", 25.5));
  const measured = { seeingArcsec: 2.5, depth5: 19.5, zeroPoint: 25.5, zeroPointError: 0.01 };
  const frame = await describe(path, { ...first, stage: "phot", measured });
  const catalogue = join(work, "phot", "f1.phot.cat");
  await Deno.writeTextFile(catalogue, "# 1 NUMBER\n1\n");
  const second = { ...first, ...frame };
  const products = [
    raw,
    second,
    await describe(catalogue, { id: "f1.cat", kind: "catalogue", stage: "phot", of: "f1" }),
    await describe(await writeFrame(join(work, "stack", "s1.fits"), 2), {
      ...known,
      id: "s1",
      kind: "stack",
      stage: "stack",
      from: ["f1"],
      gates: [{ name: "depth", value: 19, threshold: "> 20", verdict: "degraded" }],
    }),
  ];
  const last = { ...calib, products };
  await writeManifest(join(work, "02-phot.json"), last);
  return { ...last, stages: [record("calib"), record("phot")] };
}

function record(name: string): Manifest["stages"][number] {
  return {
    name,
    gppy: "0",
    tools: {},
    device: "cpu",
    parameters: {},
    started: "2024-04-24T09:00:00Z",
    elapsedS: 1,
    inputDigest: "",
    outputDigest: "",
    metrics: {},
  };
}

async function writeFrame(path: string, seed: number): Promise<string> {
  await Deno.mkdir(join(path, ".."), { recursive: true });
  const data = Float32Array.from({ length: WIDTH * HEIGHT }, (_, i) => (i * (seed + 3)) % 97);
  const header = FitsHeader.from({ OBJECT: "T09614", TELESCOP: "7DT07", INSTRUME: "C3" });
  setWcs(
    header,
    tanWcs({ raDeg: 150, decDeg: -30, scaleArcsec: 36, width: WIDTH, height: HEIGHT }),
  );
  await writeImage(path, { width: WIDTH, height: HEIGHT, data, header });
  return path;
}

async function describe(
  path: string,
  fields: Partial<Product> & Pick<Product, "id" | "kind" | "stage">,
): Promise<Product> {
  return { from: [], measured: {}, gates: [], ...fields, path, ...await digestFile(path) };
}
