/**
 * A synthetic observatory: raw nights, reference frames, catalogues and the truth about them,
 * laid out as a site that `gppy run` understands.
 *
 * @module
 */

import { join } from "node:path";
import { UsageError } from "../config/errors.ts";
import type { Site, Unit } from "../config/site.ts";
import { isoToMjd, localSiderealDeg } from "../sky/time.ts";
import { writeAstrometricReference, writePhotometricReference } from "./catalogues.ts";
import { type LightTruth, lightTruth, type NightFrame } from "./conditions.ts";
import { GAIN_SETTING } from "./cards.ts";
import { CONVERTER_MAX, Detector } from "./detector.ts";
import { writeFrame } from "./frame_file.ts";
import { type SimulateParams, simulateParams } from "./params.ts";
import { planNight } from "./plan.ts";
import { referenceGrid, writeReference } from "./reference.ts";
import { makeScene, type Scene } from "./scene.ts";
import { writeSiteFolder } from "./site_folder.ts";
import { writeText } from "./text_file.ts";
import { placeTransients, type Transient } from "./transients.ts";
import { frameTable, type FrameTruth, transientTable, truthTable } from "./truth.ts";

export { type SimulateInput, type SimulateParams, simulateParams } from "./params.ts";

/** What {@linkcode simulate} needs besides the parameters. */
export interface SimulateOptions {
  /** Folder that everything goes to. */
  readonly out: string;
  /** Knows the telescope unit and its camera. */
  readonly site: Pick<Site, "unit" | "camera">;
  /** Write over a night of the same name. */
  readonly force?: boolean;
  /** Stops between two files. */
  readonly signal?: AbortSignal;
  /** Told before each file: how many are done, of how many, and which comes. */
  readonly progress?: (done: number, total: number, what: string) => void;
}

/** Where the truth about a night stands. */
export interface TruthPaths {
  /** Table of stars and galaxies. */
  readonly sources: string;
  /** Table of what differs between lights and reference. */
  readonly transients: string;
  /** Table of raw frames. */
  readonly frames: string;
  /** Folder of the true WCS of each light frame, one text of cards a frame. */
  readonly wcs: string;
}

/** What {@linkcode simulate} made. */
export interface SimulatedNight {
  /** Folder of the raw frames. */
  readonly night: string;
  /** Site folder, for `--config`. */
  readonly site: string;
  /** Every raw frame, in order of time. */
  readonly frames: readonly FrameTruth[];
  /** What differs between lights and reference, by target. */
  readonly transients: readonly { object: string; transients: readonly Transient[] }[];
  /** Tables of the truth. */
  readonly truth: {
    readonly sources: string;
    readonly transients: string;
    readonly frames: string;
  };
}

/** One target of the night. */
interface Field {
  readonly scene: Scene;
  readonly transients: readonly Transient[];
}

/**
 * Simulates a night.
 *
 * Equal parameters give equal bytes. The sky of a target depends on seed and name alone, the
 * detector on the unit alone. Further nights may be added to the same folder; references and
 * tables of the truth then belong to the one simulated last.
 *
 * @param input Parameters; what is left out takes its default.
 * @param options Where to, and who is told.
 * @returns Where things lie and what is true about them.
 * @throws {UsageError} If a parameter is wrong or the night is there already.
 */
export async function simulate(
  input: unknown,
  options: SimulateOptions,
): Promise<SimulatedNight> {
  const params = checkParams(input);
  const unit = options.site.unit(params.unit);
  const paths = nightPaths(options.out, params);
  await refuseSecondNight(paths.night, options.force ?? false);
  const camera = options.site.camera(params.unit, GAIN_SETTING);
  const detector = new Detector(unit, params.size, camera?.darkES);
  const night = nightFrame(params, unit);
  const frames = planFrames(params, night);
  const fields = params.object.map((object, i) => makeField(object, i, { params, night, frames }));
  const jobs: [string, () => Promise<void>][] = [
    ["site folder", () => writeSiteFolder(options.out, fields.map(({ scene }) => scene))],
    ...fields.flatMap((field) => fieldJobs(field, { params, night, base: paths.base })),
    ...frames.map(({ frame, light }): [string, () => Promise<void>] => [
      frame.fileName,
      () => {
        const field = fields.find(({ scene }) => scene.object === frame.object);
        return writeFrame(paths.night, { frame, light, field, detector, unit, params });
      },
    ]),
    ["truth", () => writeTruth(paths.truth, { params, unit, fields, frames })],
  ];
  for (const [done, [what, work]] of jobs.entries()) {
    options.signal?.throwIfAborted();
    options.progress?.(done, jobs.length, what);
    await work();
  }
  options.progress?.(jobs.length, jobs.length, "done");
  return {
    night: paths.night,
    site: join(options.out, "site"),
    frames,
    transients: fields.map(({ scene, transients }) => ({ object: scene.object, transients })),
    truth: paths.truth,
  };
}

function checkParams(input: unknown): SimulateParams {
  const result = simulateParams.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const name = String(issue.path[0] ?? "parameters");
  throw new UsageError(`Cannot simulate a night: "${name}": ${issue.message}`, {
    details: { parameter: name },
  });
}

function nightPaths(out: string, params: SimulateParams) {
  return {
    base: join(out, "gppy"),
    night: join(out, "obsdata", params.unit, `${params.date}_gain${GAIN_SETTING}`),
    truth: {
      sources: join(out, "truth.csv"),
      transients: join(out, "transients.csv"),
      frames: join(out, "frames.csv"),
      wcs: join(out, "wcs"),
    },
  };
}

async function refuseSecondNight(night: string, force: boolean): Promise<void> {
  try {
    for await (const entry of Deno.readDir(night)) {
      if (entry.name.startsWith(".")) continue;
      if (!force) {
        throw new UsageError(`Cannot simulate: "${night}" holds frames already; see --force`);
      }
      await Deno.remove(join(night, entry.name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.mkdir(night, { recursive: true });
}

function nightFrame(params: SimulateParams, unit: Unit): NightFrame {
  return {
    seed: params.seed,
    date: params.date,
    unit,
    ...params.size,
    seeingArcsec: params.seeing,
    ditherArcsec: params.dither,
    pointingErrorArcsec: params.pointingError,
    distortionPx: params.distortion,
  };
}

/** Where a target is: the first where asked, or where it culminates; others 2° further east. */
function centreOf(params: SimulateParams, night: NightFrame, number: number) {
  const middle = isoToMjd(`${params.date}T03:00:00`);
  const first = params.ra ?? Math.round(localSiderealDeg(middle, night.unit.lonDeg) * 10) / 10;
  return { raDeg: (first + 2 * number) % 360, decDeg: params.dec };
}

function planFrames(params: SimulateParams, night: NightFrame): readonly FrameTruth[] {
  return planNight(params).map((frame) => {
    if (frame.imageType !== "light") return { frame, light: undefined };
    const centre = centreOf(params, night, params.object.indexOf(frame.object));
    return { frame, light: lightTruth(night, { ...frame, ...centre }) };
  });
}

function makeField(
  object: string,
  number: number,
  { params, night, frames }: {
    params: SimulateParams;
    night: NightFrame;
    frames: readonly FrameTruth[];
  },
): Field {
  const centre = centreOf(params, night, number);
  const grid = referenceGrid(centre, night);
  const scale = night.unit.pixelScaleArcsec;
  const scene = makeScene({
    seed: params.seed,
    object,
    ...centre,
    halfSideArcsec: Math.max(grid.width, grid.height) / 2 * scale + 30,
    starsPerDeg2: params.stars,
    galaxiesPerDeg2: params.galaxies,
  });
  const lights = frames.flatMap(({ frame, light }) =>
    light && frame.object === object && frame.fate === "whole"
      ? [{ ...(light as LightTruth), filter: frame.filter }]
      : []
  );
  const { gainEAdu, readNoiseE } = night.unit;
  const noise = { lights, readNoiseE, saturationE: CONVERTER_MAX * gainEAdu };
  const transients = placeTransients(scene, noise, {
    seed: params.seed,
    count: params.transients,
    fading: params.fading,
    minSnr: 5,
    maxSnr: 100,
  });
  return { scene, transients };
}

function fieldJobs(
  { scene, transients }: Field,
  { params, night, base }: { params: SimulateParams; night: NightFrame; base: string },
): [string, () => Promise<void>][] {
  const { object } = scene;
  const { unit, seed } = night;
  const astrometric = join(base, "ref_scamp", `${object}.cat`);
  const photometric = join(base, "ref_cat", `gaiaxp_dr3_synphot_${object}.csv`);
  const references = params.noReference ? [] : params.filters.map((filter): [
    string,
    () => Promise<void>,
  ] => {
    const name = `ref_7DT_${object}_${filter}.fits`;
    return [name, async () => {
      await Deno.mkdir(join(base, "ref_frame", filter), { recursive: true });
      await writeReference(
        join(base, "ref_frame", filter, name),
        scene,
        transients,
        referenceGrid(scene, night),
        {
          unit,
          seed,
          filter,
          exposureS: params.exposure,
          frames: params.referenceFrames,
          seeingArcsec: params.seeing * params.referenceSeeing,
        },
      );
    }];
  });
  return [
    [`${object}.cat`, async () => {
      await Deno.mkdir(join(base, "ref_scamp"), { recursive: true });
      await writeAstrometricReference(astrometric, scene, seed);
    }],
    [`gaiaxp_dr3_synphot_${object}.csv`, () => writePhotometricReference(photometric, scene, seed)],
    ...references,
  ];
}

async function writeTruth(
  paths: TruthPaths,
  { params, unit, fields, frames }: {
    params: SimulateParams;
    unit: Unit;
    fields: readonly Field[];
    frames: readonly FrameTruth[];
  },
): Promise<void> {
  await writeText(paths.sources, truthTable(fields.map(({ scene }) => scene), params.filters));
  await writeText(paths.transients, transientTable(fields, params.filters, frames));
  await writeText(paths.frames, frameTable(frames, unit.gainEAdu));
  for (const { frame, light } of frames) {
    if (!light) continue;
    const name = frame.fileName.replace(/\.fits$/, ".head");
    await writeText(join(paths.wcs, name), light.wcs.cards().toText());
  }
}
