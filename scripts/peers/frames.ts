/**
 * Full-size frames to measure on; made once.
 *
 * @module
 */

import { join } from "node:path";
import { createImage } from "../../fits/image.ts";
import { FitsHeader } from "../../fits/header.ts";

/** Pixels a row of the survey's frames. */
export const WIDTH = 9576;
/** Rows of the survey's frames. */
export const HEIGHT = 6388;
/** Pixels of a frame. */
export const PIXELS: number = WIDTH * HEIGHT;

/** Exposure of lights and darks, s. */
const EXPOSURE_S = 100;

type FrameType = "BIAS" | "DARK" | "FLAT" | "LIGHT";

/** A night of three biases, darks and flats, and of some lights. */
export interface LightNight {
  /** Of bias, dark and flat. */
  readonly calibrations: string;
  /** Of the lights. */
  readonly lights: string;
}

const noise = new Float32Array(1 << 20);

function noiseTable(): Float32Array {
  if (noise[0] === 0) noise.forEach((_, i) => noise[i] = gaussian());
  return noise;
}

function gaussian(): number {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

const exists = (path: string) => Deno.stat(path).then(({ isFile }) => isFile, () => false);

async function makeFrame(
  path: string,
  fill: (row: Uint16Array, y: number, noise: Float32Array) => void,
  header = FitsHeader.from({}),
): Promise<void> {
  if (await exists(path)) return;
  const spec = { width: WIDTH, height: HEIGHT, bitpix: 16, bzero: 32768, header } as const;
  await using writer = await createImage(path, spec);
  const row = new Uint16Array(WIDTH);
  const table = noiseTable();
  for (let y = 0; y < HEIGHT; y++) {
    const start = Math.floor(Math.random() * (table.length - WIDTH));
    fill(row, y, table.subarray(start, start + WIDTH));
    await writer.writeRows(row);
  }
  await writer.finish();
}

/** Bias-like frames: a level that differs from frame to frame, and noise of 6 ADU. */
export async function biasFrames(folder: string, count: number): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true });
  const paths = Array.from(
    { length: count },
    (_, k) => join(folder, `frame_${String(k).padStart(3, "0")}.fits`),
  );
  for (const [k, path] of paths.entries()) {
    await makeFrame(path, (row, _y, table) => {
      for (let x = 0; x < WIDTH; x++) row[x] = 500 + k % 5 + 6 * table[x]!;
    });
  }
  return paths;
}

/** Rows of a frame of some type: 5 hot pixels a row in 100 s, a flat that falls by 20 %. */
function rowsOf(type: FrameType): (row: Uint16Array, y: number, noise: Float32Array) => void {
  const light = { BIAS: 0, DARK: 0, FLAT: 20_000, LIGHT: 900 }[type];
  return (row, y, table) => {
    for (let x = 0; x < WIDTH; x++) {
      const level = light * (1.1 - 0.2 * x / WIDTH);
      row[x] = 500 + level + Math.sqrt(36 + level) * table[x]!;
    }
    if (type === "BIAS") return;
    for (let k = 0; k < 5; k++) row[(y * 7919 + k * 2003) % WIDTH]! += 3000;
    if (type === "LIGHT" && y % 40 < 6) row.fill(65535, y * 31 % 9000, y * 31 % 9000 + 6);
  };
}

/** Makes a night of unit 7DT07; the frames of a type differ by their noise. */
export async function lightNight(base: string, lights: number): Promise<LightNight> {
  const folder = join(base, "obsdata", "7DT07", "2024-04-23_gain2750");
  const night = { calibrations: join(folder, "calibrations"), lights: join(folder, "lights") };
  for (const [type, count] of [["BIAS", 3], ["DARK", 3], ["FLAT", 3], ["LIGHT", lights]] as const) {
    const place = type === "LIGHT" ? night.lights : night.calibrations;
    await Deno.mkdir(place, { recursive: true });
    for (let k = 0; k < count; k++) {
      const minute = String(k).padStart(2, "0");
      const header = FitsHeader.from({
        IMAGETYP: type,
        OBJECT: type === "LIGHT" ? "T09614" : type,
        EXPTIME: type === "BIAS" ? 0 : type === "FLAT" ? 2 : EXPOSURE_S,
        "DATE-OBS": `2024-04-23T0${type === "LIGHT" ? 4 : 2}:${minute}:00`,
        ...(type === "FLAT" || type === "LIGHT" ? { FILTER: "m600" } : {}),
      });
      const path = join(place, `${type.toLowerCase()}_${minute}.fits`);
      await makeFrame(path, rowsOf(type), header);
    }
  }
  return night;
}

/** Bytes of files together. */
export function bytesOf(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + Deno.statSync(path).size, 0);
}
