/**
 * A small world for tests of the watcher: raw nights, a chain of two plain stages, and a watcher on them.
 *
 * @module
 */

import { basename, join } from "node:path";
import { getLogger } from "@logtape/logtape";
import * as z from "zod";
import { loadSite, type Site } from "../config/site.ts";
import { readHeader } from "../fits/file.ts";
import { FitsHeader } from "../fits/header.ts";
import { writeImage } from "../fits/image.ts";
import { LazyCompute } from "../gpu/lazy_compute.ts";
import { curate } from "../stages/curate/mod.ts";
import { defineStage, type StageContext, type StageDeclaration } from "../stages/stage.ts";
import { misbehave } from "./_misbehave.ts";
import { type Clock, realClock } from "./clock.ts";
import type { Executor } from "./executor.ts";
import { Journal, journalPath, type Night } from "./journal.ts";
import type { NoticeBody, NoticeKind } from "./notices.ts";
import type { Notifier } from "./notify.ts";
import { watchSchema, type WatchSettings } from "./settings.ts";
import { runStep, stepNames } from "./steps.ts";
import { watch } from "./watcher.ts";
import { describeError } from "./worker.ts";

/** The units of the world. */
export const UNITS = ["7DT01", "7DT02", "7DT03"];

async function copyFrames(context: StageContext) {
  const lights = context.inputs.filter((product) => product.imageType === "light");
  const products = await context.each(lights, async (light) => {
    await misbehave(light.object, context);
    const id = `copy_${light.id}`;
    const path = join(context.folder, `${id}.fits`);
    const part = join(context.folder, `.${id}.part`);
    await Deno.copyFile(light.path, part);
    await Deno.rename(part, path);
    const known = { object: light.object ?? "none", filter: light.filter ?? "none" };
    return { id, kind: "frame" as const, path, from: [light.id], ...known };
  }, { id: (light) => light.id });
  return { products, metrics: {} };
}

/** Writes which copies there are into the header of a small image. */
async function joinFrames(context: StageContext) {
  const id = `joined_${basename(context.manifest.night.work)}`;
  const path = join(context.folder, `${id}.fits`);
  const from = context.inputs.map((product) => product.id);
  const header = FitsHeader.from({ OBJECT: "JOINED", FROM: from.length });
  for (const [index, name] of from.entries()) header.set(`FROM${index}`, name);
  await writeImage(path, { width: 4, height: 4, data: new Float32Array(16), header });
  const known = { object: "JOINED", filter: "m600" };
  return { products: [{ id, kind: "stack" as const, path, from, ...known }], metrics: {} };
}

const plain = {
  params: z.object({}),
  metrics: z.object({}),
  ingestAs: "raw" as const,
};

/** Two stages: each light is copied, then the copies are joined. */
export const FAKE_CHAIN: readonly StageDeclaration[] = [
  defineStage({
    ...plain,
    name: "copy",
    summary: "Copy lights",
    inputs: { raw: "Frames" },
    outputs: { frame: "Copies" },
    run: (_, context) => copyFrames(context),
  }),
  defineStage({
    ...plain,
    name: "join",
    summary: "Join copies",
    inputs: { frame: "Copies" },
    outputs: { stack: "The copies, joined" },
    run: (_, context) => joinFrames(context),
  }),
];

/** The same, and the real `curate` after them. */
export const CURATED_CHAIN: readonly StageDeclaration[] = [...FAKE_CHAIN, curate];

/**
 * Runs steps of a chain within this process.
 *
 * @param site The site.
 * @param chain The stages.
 */
export function localExecutor(site: Site, chain = FAKE_CHAIN): Executor {
  return async (task, signal) => {
    using compute = new LazyCompute({ device: "cpu" });
    const request = { unit: task.night.unit, source: task.night.path, step: task.step };
    const log = getLogger(["gppy"]);
    try {
      const options = { chain, site, log, signal, compute, progress: () => {} };
      return { kind: "result", result: await runStep(request, options) };
    } catch (error) {
      if (signal.aborted) return { kind: "interrupted" };
      const restart = error instanceof Error && error.name === "MissingStepError";
      return { kind: "error", error: describeError(error), restart };
    }
  };
}

/** A world in a temporary folder. */
export class World implements AsyncDisposable {
  readonly told: { kind: NoticeKind; body: NoticeBody; key: string }[] = [];
  #number = 0;

  private constructor(readonly folder: string, readonly site: Site) {}

  /** Makes a world; `env` may put some of its folders elsewhere below it. */
  static async make(
    env: (folder: string) => Record<string, string> = () => ({}),
  ): Promise<World> {
    const folder = await Deno.makeTempDir({ prefix: "gppy-watch-" });
    const site = await loadSite({ base: join(folder, "gppy"), env: env(folder) });
    for (const unit of UNITS) await Deno.mkdir(join(folder, "obsdata", unit), { recursive: true });
    return new World(folder, site);
  }

  /** Where the journal is. */
  get journalPath(): string {
    return journalPath(this.site.paths);
  }

  /** Opens the journal; dispose of it. */
  journal(): Journal {
    return Journal.open(this.journalPath);
  }

  /** Where a night lies. */
  night(unit: string, folder: string): string {
    return join(this.site.paths.obsdata, unit, folder);
  }

  /** Writes lights, one an object; returns their paths. */
  async addLights(unit: string, folder: string, objects: readonly string[]): Promise<string[]> {
    const paths: string[] = [];
    for (const object of objects) {
      const path = join(this.night(unit, folder), `light_${++this.#number}.fits`);
      await Deno.mkdir(this.night(unit, folder), { recursive: true });
      const header = FitsHeader.from({
        IMAGETYP: "LIGHT",
        OBJECT: object,
        FILTER: "m600",
        EXPTIME: 100,
        "DATE-OBS": new Date(Date.UTC(2024, 3, 23) + this.#number * 1000).toISOString(),
      });
      const data = new Uint16Array(16).fill(this.#number);
      await writeImage(path, { width: 4, height: 4, data, header });
      paths.push(path);
    }
    return paths;
  }

  /** Settings in which nothing takes long. */
  settings(changes: Partial<WatchSettings> = {}): WatchSettings {
    return {
      ...watchSchema.parse({}),
      graceS: 0.05,
      brokenGraceS: 0.3,
      pollS: 0.05,
      recheckS: 0.1,
      minFreeDiskGb: 0,
      minFreeMemoryGb: 0,
      stopWaitS: 5,
      ...changes,
    };
  }

  /**
   * Watches until `until` is content or the time is up.
   *
   * @param until Asked now and then.
   * @param options Settings, executor, stages and clock.
   */
  async watch(
    until: (nights: readonly Night[], journal: Journal) => boolean,
    options: {
      readonly settings?: Partial<WatchSettings>;
      readonly executor?: Executor;
      readonly chain?: readonly StageDeclaration[];
      readonly clock?: Clock;
      readonly limitMs?: number;
    } = {},
  ): Promise<Night[]> {
    const stop = new AbortController();
    using journal = this.journal();
    const { chain = FAKE_CHAIN } = options;
    const watching = watch({
      journal,
      settings: this.settings(options.settings),
      site: this.site,
      units: UNITS,
      steps: stepNames(chain),
      executor: options.executor ?? localExecutor(this.site, chain),
      clock: options.clock ?? realClock,
      log: getLogger(["gppy"]),
      notifier: this.#notifier(),
      stop: stop.signal,
      hurry: stop.signal,
      once: false,
    });
    const end = performance.now() + (options.limitMs ?? 20_000);
    while (!until(journal.nights(), journal)) {
      if (performance.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    stop.abort();
    await watching;
    return journal.nights();
  }

  /** Night folders and states, as text. */
  static states(nights: readonly Night[]): string[] {
    return nights.map(({ unit, folder, state, run }) => `${unit} ${folder} ${state} ${run}`);
  }

  /** What came of a night: names of the copies in the joined file, without their numbers. */
  async joined(unit: string, folder: string): Promise<string[]> {
    const path = join(this.site.paths.work, unit, folder, "join", `joined_${folder}.fits`);
    const header = await readHeader(path);
    return Array.from(
      { length: header.requireNumber("FROM") },
      (_, i) => header.requireText(`FROM${i}`),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  #notifier(): Notifier {
    const known = new Set(this.told.map(({ key }) => key));
    return {
      active: true,
      tell: (kind, body, key = "") => {
        if (known.has(key)) return false;
        known.add(key);
        this.told.push({ kind, body, key });
        return true;
      },
      say: () => false,
      flush: () => Promise.resolve({ sent: 0, waiting: 0, againMs: undefined }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}

/** Whether every night has ended: done, or put aside. */
export function allSettled(nights: readonly Night[]): boolean {
  return nights.length > 0 &&
    nights.every(({ state, running, logDue }) =>
      ["done", "partial", "parked"].includes(state) && !running && logDue === null
    );
}
