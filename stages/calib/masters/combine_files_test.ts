import assert from "node:assert/strict";
import { join } from "node:path";
import { DataError } from "../../../config/errors.ts";
import { verifyChecksums } from "../../../fits/checksum.ts";
import { FitsHeader } from "../../../fits/header.ts";
import { readImage, writeImage } from "../../../fits/image.ts";
import { type Compute, openCompute } from "../../../gpu/compute.ts";
import { backendTest, TEST_WEBGPU } from "../../../gpu/testing.ts";
import { WebgpuBackend } from "../../../gpu/webgpu_backend.ts";
import { combineFiles } from "./combine_files.ts";

const WIDTH = 101;
const HEIGHT = 83;

interface Frames {
  readonly folder: string;
  readonly paths: readonly string[];
  readonly output: string;
  readonly pixels: readonly Float32Array[];
}

/** Writes frames of counts, one of them with a gap where `bitpix` allows. */
async function withFrames(
  count: number,
  bitpix: 16 | -32,
  work: (frames: Frames) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-combine-" });
  try {
    const paths: string[] = [];
    const pixels: Float32Array[] = [];
    for (let k = 0; k < count; k++) {
      const data = Float32Array.from(
        { length: WIDTH * HEIGHT },
        (_, i) => 1000 + (Math.imul(i * 31 + k, 2654435761) >>> 22),
      );
      if (bitpix < 0) data[k] = NaN;
      const path = join(folder, `f${k}.fits`);
      const stored = bitpix === 16 ? { bitpix, bzero: 32768 } as const : { bitpix };
      await writeImage(path, { width: WIDTH, height: HEIGHT, data }, stored);
      paths.push(path);
      pixels.push(data);
    }
    await work({ folder, paths, pixels, output: join(folder, "out.fits") });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function medianOf(pixels: readonly Float32Array[], i: number): number {
  const samples = pixels.map((data) => data[i]!).filter((v) => v === v).sort((a, b) => a - b);
  const n = samples.length;
  return Math.fround((samples[(n - 1) >> 1]! + samples[n >> 1]!) / 2);
}

async function assertMedian({ pixels, output }: Frames): Promise<void> {
  const { data } = await readImage(output);
  data.forEach((value, i) => assert.equal(value, medianOf(pixels, i), `pixel ${i}`));
  assert.deepEqual(await verifyChecksums(output), [{ hdu: 0, checksum: true, datasum: true }]);
}

for (const bitpix of [16, -32] as const) {
  backendTest(`combineFiles() writes the median of frames of BITPIX ${bitpix}`, async (compute) => {
    await withFrames(8, bitpix, async (frames) => {
      const header = FitsHeader.from({ OBJECT: "FIELD" });
      const rows: number[] = [];
      await combineFiles(frames.paths, frames.output, {
        compute,
        method: "median",
        header,
        memoryBytes: 2 * 8 * WIDTH * 4 * 10,
        onStrip: (values, firstRow) => void rows.push(firstRow, values.length / WIDTH),
      });
      await assertMedian(frames);
      assert.equal((await readImage(frames.output)).header.get("OBJECT"), "FIELD");
      assert.equal(rows.filter((_, i) => i % 2 === 1).reduce((a, b) => a + b), HEIGHT);
    });
  });
}

backendTest("combineFiles() takes frames that are stored in different ways", async (compute) => {
  await withFrames(3, 16, async (frames) => {
    const data = frames.pixels[1]!;
    await writeImage(frames.paths[1]!, { width: WIDTH, height: HEIGHT, data }, { bitpix: 32 });
    await combineFiles(frames.paths, frames.output, { compute, method: "median" });
    await assertMedian(frames);
  });
});

backendTest(
  "combineFiles() leaves nothing behind when a frame is cut off or it is aborted",
  async (compute) => {
    await withFrames(4, 16, async ({ folder, paths, output }) => {
      const controller = new AbortController();
      await assert.rejects(
        combineFiles(paths, output, {
          compute,
          method: "median",
          memoryBytes: 1,
          signal: controller.signal,
          onStrip: () => controller.abort(new DOMException("Interrupted", "AbortError")),
        }),
        { name: "AbortError" },
      );
      await Deno.truncate(paths[2]!, 2880 + 2 * WIDTH * 40);
      await assert.rejects(combineFiles(paths, output, { compute, method: "median" }), DataError);
      await writeImage(paths[2]!, { width: 5, height: 5, data: new Float32Array(25) });
      await assert.rejects(combineFiles(paths, output, { compute, method: "median" }), /it is 5×5/);
      await assert.rejects(combineFiles([], output, { compute, method: "median" }), DataError);
      const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
      assert.deepEqual(left, ["f0.fits", "f1.fits", "f2.fits", "f3.fits"]);
      assert.equal(compute.bytesInUse, 0);
    });
  },
);

Deno.test({
  name: "combineFiles() gives the same file when the device is lost on the way, twice",
  ignore: !TEST_WEBGPU,
  fn: async () => {
    using compute: Compute = await openCompute({ device: "webgpu", cpu: { threads: 2 } });
    await withFrames(5, 16, async (frames) => {
      await combineFiles(frames.paths, frames.output, {
        compute,
        method: "median",
        memoryBytes: 1,
        onStrip: (_, firstRow) => {
          const { backend } = compute;
          if (firstRow % 16 === 0 && backend instanceof WebgpuBackend) backend.device.destroy();
        },
      });
      await assertMedian(frames);
      assert.equal(compute.backend.kind, "cpu");
      assert.equal(compute.events.length, 2);
    });
  },
});
