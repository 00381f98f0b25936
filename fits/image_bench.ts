/**
 * Reading and writing a full-size frame, 9576×6388 pixels, by strips of 128 rows.
 *
 * Run with `deno bench -A fits/image_bench.ts`. The file is in the page cache when
 * it is read; writing includes the flush to disk.
 *
 * @module
 */

import { join } from "node:path";
import { createImage, openImage } from "./image.ts";
import { verifyChecksums } from "./checksum.ts";

const WIDTH = 9576;
const HEIGHT = 6388;
const STRIP = 128;

const folder = await Deno.makeTempDir({ prefix: "gppy-bench-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const counts = join(folder, "uint16.fits");
const reals = join(folder, "float32.fits");
const pixels = new Uint16Array(STRIP * WIDTH).map((_, i) => 1000 + (i * 2654435761 >>> 22));
const adu = Float32Array.from(pixels);
await write(counts, pixels);
await write(reals, adu);

async function write(path: string, strip: Uint16Array | Float32Array): Promise<void> {
  const stored = strip instanceof Uint16Array ? { bitpix: 16, bzero: 32768 } as const : {};
  await using writer = await createImage(path, { width: WIDTH, height: HEIGHT, ...stored });
  for (let y = 0; y < HEIGHT; y += STRIP) {
    await writer.writeRows(strip.subarray(0, Math.min(STRIP, HEIGHT - y) * WIDTH));
  }
  await writer.finish();
}

async function read(path: string): Promise<void> {
  using image = await openImage(path);
  const strip = new Float32Array(STRIP * WIDTH);
  for (let y = 0; y < HEIGHT; y += STRIP) {
    await image.readRows(y, Math.min(STRIP, HEIGHT - y), strip);
  }
}

async function readCounts(path: string): Promise<void> {
  using image = await openImage(path);
  const strip = new Uint16Array(STRIP * WIDTH);
  for (let y = 0; y < HEIGHT; y += STRIP) {
    await image.readRowsUint16(y, Math.min(STRIP, HEIGHT - y), strip);
  }
}

Deno.bench(
  "read uint16 (122 MB) as float32",
  { group: "read", n: 8 },
  async () => await read(counts),
);
Deno.bench(
  "read uint16 (122 MB) as uint16",
  { group: "read", n: 8 },
  async () => await readCounts(counts),
);
Deno.bench("read float32 (245 MB)", { group: "read", n: 8 }, async () => await read(reals));
Deno.bench(
  "write uint16 from uint16",
  { group: "write", n: 4 },
  async () => await write(counts, pixels),
);
Deno.bench(
  "write float32 from float32",
  { group: "write", n: 4 },
  async () => await write(reals, adu),
);
Deno.bench("verify the checksum (122 MB)", { group: "sum", n: 4 }, async () => {
  await verifyChecksums(counts);
});
