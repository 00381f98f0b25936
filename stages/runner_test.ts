import assert from "node:assert/strict";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import * as z from "zod";
import { DataError } from "../config/errors.ts";
import { loadSite } from "../config/site.ts";
import { type Manifest, MANIFEST_VERSION, type Product } from "./manifest.ts";
import { readManifest } from "./manifest_file.ts";
import { resolveParameters } from "./parameters.ts";
import { chooseInputs, runStage, type StageRequest } from "./runner.ts";
import { defineStage, type StageContext } from "./stage.ts";
import { testProduct } from "./testing.ts";
import { LazyCompute } from "../gpu/lazy_compute.ts";

/** Copies each frame; a frame whose text is `bad` fails with a DataError. */
function copyStage(runs: string[][]) {
  return defineStage({
    name: "copy",
    summary: "Copy frames",
    params: z.object({ suffix: z.string().default("copy").describe("Added to the text") }),
    inputs: { frame: "Frames" },
    outputs: { frame: "The same frames" },
    metrics: z.object({ frames: z.int() }),
    ingestAs: "frame",
    async run({ suffix }, context) {
      runs.push(context.inputs.map((product) => product.id));
      const products = await context.each(context.inputs, async (product) => {
        const text = await Deno.readTextFile(product.path);
        if (text === "bad") throw new DataError(`Cannot copy "${product.id}": bad`);
        const path = join(context.folder, `${product.id}.fits`);
        await Deno.writeTextFile(path, `${text} ${suffix}`);
        return { ...product, path, from: [product.id] };
      }, { id: (product) => product.id });
      return { products, metrics: { frames: products.length } };
    },
  });
}

interface Night {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly runs: string[][];
  request(changes?: Partial<StageRequest>, flags?: Record<string, unknown>): StageRequest;
}

async function withNight(work: (night: Night) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const frames: Product[] = [];
    for (const [index, text] of ["one", "bad", "three"].entries()) {
      const path = join(folder, `f${index}.fits`);
      await Deno.writeTextFile(path, text);
      frames.push(testProduct({
        id: `f${index}`,
        kind: "frame",
        path,
        object: index === 2 ? "M42" : "T09614",
        filter: "m600",
        mjd: 60000 - index,
      }));
    }
    const manifest: Manifest = {
      gppyManifest: MANIFEST_VERSION,
      night: { unit: "7DT07", date: "2024-04-23", source: folder, work: join(folder, "work") },
      products: frames,
      left: [],
      stages: [],
    };
    const runs: string[][] = [];
    const stage = copyStage(runs);
    const site = await loadSite({ base: folder, env: {} });
    await work({
      folder,
      manifest,
      runs,
      request: (changes = {}, flags = {}) => ({
        stage,
        manifest,
        parameters: resolveParameters(stage, { flags }),
        site,
        signal: new AbortController().signal,
        log: getLogger(["gppy", "test"]),
        progress: () => {},
        compute: new LazyCompute({ device: "cpu" }),
        ...changes,
      }),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("runStage() records the frame that failed and keeps the others", () =>
  withNight(async ({ request, folder }) => {
    const result = await runStage(request());
    assert.equal(result.path, join(folder, "work", "01-copy.json"));
    assert.deepEqual(result.left.map((left) => [left.id, left.error, left.stage]), [
      ["f1", "DataError", "copy"],
    ]);
    assert.deepEqual(await readManifest(result.path), result.manifest);
    const copied = result.manifest.products.filter((product) => product.stage === "copy");
    assert.deepEqual(copied.map((product) => product.id).sort(), ["f0", "f2"]);
    assert.equal(copied[0]?.bytes, (await Deno.stat(copied[0]?.path ?? "")).size);
  }));

Deno.test("Inputs come in order of time, without what was left behind", () =>
  withNight(async ({ request, runs }) => {
    const first = await runStage(request());
    await runStage(request({ manifest: first.manifest }));
    assert.deepEqual(runs, [["f2", "f1", "f0"], ["f2", "f0"]]);
  }));

Deno.test("An equal run does nothing; --force, another parameter or a lost output runs again", () =>
  withNight(async ({ request, runs }) => {
    const first = await runStage(request());
    const again = await runStage(request());
    assert.equal(again.ran, false);
    assert.deepEqual(again.manifest, first.manifest);
    assert.equal(again.left.length, 1, "what was left behind is told again");
    assert.equal(runs.length, 1);
    assert.equal((await runStage(request({ force: true }))).ran, true);
    assert.equal((await runStage(request({}, { suffix: "x" }))).ran, true);
    const made = first.manifest.products.find((product) => product.stage === "copy");
    await Deno.remove(made?.path ?? "");
    assert.equal((await runStage(request({}, { suffix: "x" }))).ran, true);
  }));

Deno.test("What may work another time is tried again", () =>
  withNight(async ({ request }) => {
    const away = { error: "ExternalToolError", message: "No route to host", retryable: true };
    const stage = {
      ...request().stage,
      run: (_: unknown, context: StageContext) => {
        context.leave("f0", away);
        return Promise.resolve({ products: [], metrics: {} });
      },
    };
    const first = await runStage(request({ stage }));
    assert.equal(first.left[0]?.retryable, true);
    assert.equal((await runStage(request({ stage }))).ran, true);
  }));

Deno.test("--only keeps calibration frames with what it names, and names none by them", () =>
  withNight(({ request, manifest }) => {
    const stage = { ...request().stage, inputs: { raw: "All" } };
    const [one, two] = manifest.products.map((product) => ({ ...product, kind: "raw" as const }));
    const products = [
      { ...one!, object: "M42", imageType: "light" as const },
      { ...two!, object: "BIAS", imageType: "bias" as const },
    ];
    assert.equal(chooseInputs(stage, { ...manifest, products }, "M42").length, 2);
    assert.throws(() => chooseInputs(stage, { ...manifest, products }, "NGC1"), /on "NGC1"/);
    return Promise.resolve();
  }));

Deno.test("A changed input runs the stage again", () =>
  withNight(async ({ request, manifest, runs }) => {
    await runStage(request());
    const products = manifest.products.map((product) => ({ ...product, sha256: "1".repeat(64) }));
    await runStage(request({ manifest: { ...manifest, products } }));
    assert.equal(runs.length, 2);
  }));

Deno.test("--only takes an object, a filter or a frame, and refuses what is not there", () =>
  withNight(({ request, manifest }) => {
    const { stage } = request();
    const ids = (only?: string) => chooseInputs(stage, manifest, only).map(({ id }) => id);
    assert.deepEqual(ids("M42"), ["f2"]);
    assert.deepEqual(ids("m600"), ["f2", "f1", "f0"]);
    assert.deepEqual(ids("f1"), ["f1"]);
    assert.deepEqual(ids("some/folder/f1.fits"), ["f1"]);
    assert.throws(() => ids("NGC1"), /Cannot run copy on "NGC1": no object, filter or frame/);
    return Promise.resolve();
  }));

Deno.test("A cancelled stage leaves no manifest", () =>
  withNight(async ({ request, folder }) => {
    const signal = AbortSignal.abort(new DOMException("Interrupted", "AbortError"));
    await assert.rejects(runStage(request({ signal })), { name: "AbortError" });
    await assert.rejects(Deno.stat(join(folder, "work", "01-copy.json")), Deno.errors.NotFound);
  }));

Deno.test("A work folder that cannot be made is a DataError that names it", () =>
  withNight(async ({ request, manifest, folder }) => {
    const work = join(folder, "f0.fits");
    const blocked = { ...manifest, night: { ...manifest.night, work } };
    await assert.rejects(
      runStage(request({ manifest: blocked })),
      (error) => error instanceof DataError && error.message.includes(work),
    );
  }));

Deno.test("A defect in a stage is not taken for a failed frame", () =>
  withNight(async ({ request }) => {
    const broken = {
      ...request().stage,
      run: () => Promise.reject(new TypeError("x is not a function")),
    };
    await assert.rejects(runStage(request({ stage: broken })), TypeError);
  }));
