import assert from "node:assert/strict";
import { join } from "node:path";
import { readImage } from "../fits/image.ts";
import { writeFile } from "node:fs/promises";
import { DATA, normalDeviates, testWithData, withFolder } from "./_testing.ts";
import { type Compute, openCompute } from "../gpu/compute.ts";
import { BackgroundStrips, measureBackground } from "./background.ts";
import { SplineSurface } from "./_spline_surface.ts";

/** Lets Source Extractor write its background and its noise of an image. */
async function sourceExtractor(image: string, folder: string, meshPx: number, filter: number) {
  await writeFile(join(folder, "d.param"), "NUMBER\n");
  await writeFile(join(folder, "d.conv"), "CONV NORM\n1 2 1\n2 4 2\n1 2 1\n");
  const settings = {
    PARAMETERS_NAME: join(folder, "d.param"),
    FILTER_NAME: join(folder, "d.conv"),
    CATALOG_NAME: join(folder, "d.cat"),
    CHECKIMAGE_TYPE: "BACKGROUND,BACKGROUND_RMS",
    CHECKIMAGE_NAME: `${join(folder, "level.fits")},${join(folder, "sigma.fits")}`,
    BACK_SIZE: String(meshPx),
    BACK_FILTERSIZE: String(filter),
    VERBOSE_TYPE: "QUIET",
  };
  const args = [
    image,
    "-c",
    "/dev/null",
    ...Object.entries(settings).flatMap(([k, v]) => [`-${k}`, v]),
  ];
  const { success } = await new Deno.Command("source-extractor", { args }).output();
  assert.ok(success);
  return {
    level: (await readImage(join(folder, "level.fits"))).data,
    sigma: (await readImage(join(folder, "sigma.fits"))).data,
  };
}

const CASES = [
  ["sep-image/image.fits", 64, 3],
  ["sep-image/image.fits", 32, 5],
  ["saao-kb13475/Images/AKB13475I0102.fits", 64, 3],
  ["arcsat-20250602-xo1b/XO1-b_z_20250602_041008.fits", 100, 3],
] as const;

for (const [file, meshPx, filter] of CASES) {
  const name = `measureBackground() agrees with Source Extractor on ${file}, mesh ${meshPx}`;
  testWithData(name, () =>
    withFolder(async (folder) => {
      const path = join(DATA, file);
      const { data, width, height } = await readImage(path);
      const theirs = await sourceExtractor(path, folder, meshPx, filter);
      using compute = await openCompute({ device: "cpu" });
      const ours = await measureBackground(compute, { width, values: data }, { meshPx, filter });
      let [worst, worstSigma] = [0, 0];
      for (let y = 0; y < height; y++) {
        const [level, sigma] = [ours.levelRow(y), ours.sigmaRow(y)];
        for (let x = 0; x < width; x++) {
          worst = Math.max(worst, Math.abs(level[x]! - theirs.level[y * width + x]!));
          worstSigma = Math.max(worstSigma, Math.abs(sigma[x]! / theirs.sigma[y * width + x]! - 1));
        }
      }
      assert.ok(worst < 0.03 * ours.globalSigma, `${worst} ADU, sigma ${ours.globalSigma}`);
      assert.ok(worstSigma < 0.02, `${worstSigma}`);
    }));
}

/** Background and noise of sep, which has Source Extractor's code in float32. */
async function sep(data: Float32Array, width: number, folder: string) {
  const [image, level, sigma] = ["image", "level", "sigma"].map((name) => join(folder, name));
  await writeFile(image!, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const program = `
import sys, numpy, sep
image = numpy.fromfile(sys.argv[1], numpy.float32).reshape(-1, ${width})
background = sep.Background(image, mask=~numpy.isfinite(image), bw=64, bh=64, fw=3, fh=3)
background.back(dtype=numpy.float32).tofile(sys.argv[2])
background.rms(dtype=numpy.float32).tofile(sys.argv[3])`;
  const args = ["-c", program, image!, level!, sigma!];
  const { success, stderr } = await new Deno.Command("/usr/bin/python3", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const floats = async (path: string) => new Float32Array((await Deno.readFile(path)).buffer);
  return { level: await floats(level!), sigma: await floats(sigma!) };
}

const SEP_CASES = [
  "sep-image/image.fits",
  "arcsat-20250602-xo1b/XO1-b_z_20250602_041008.fits",
  "decam-sfft-mini/Stack-DEC-OBS18.fits",
  "panoptes/unsolved.fits",
  "exotic-hatp32/HatP32Dec202017/HATP-32171220064512.FITS",
];

for (const file of SEP_CASES) {
  testWithData(
    `measureBackground() agrees with sep on ${file}`,
    () =>
      withFolder(async (folder) => {
        const { data, width, height } = await readImage(join(DATA, file));
        const theirs = await sep(data, width, folder);
        using compute = await openCompute({ device: "cpu" });
        const ours = await measureBackground(compute, { width, values: data });
        let [sum, worst, worstSigma] = [0, 0, 0];
        for (let y = 0; y < height; y++) {
          const [level, sigma] = [ours.levelRow(y), ours.sigmaRow(y)];
          for (let x = 0; x < width; x++) {
            const apart = Math.abs(level[x]! - theirs.level[y * width + x]!);
            sum += apart;
            worst = Math.max(worst, apart);
            worstSigma = Math.max(
              worstSigma,
              Math.abs(sigma[x]! / theirs.sigma[y * width + x]! - 1),
            );
          }
        }
        const unit = ours.globalSigma;
        assert.ok(worst < 0.05 * unit, `${worst / unit} sigma`);
        assert.ok(sum / data.length < 0.01 * unit, `${sum / data.length / unit} sigma on average`);
        assert.ok(worstSigma < 0.01, `${worstSigma}`);
      }),
  );
}

/** A tilted sky with noise 4, stars on top. */
function skyImage(width: number, height: number): Float32Array {
  const normal = normalDeviates(7);
  const data = new Float32Array(width * height);
  for (let i = 0; i < data.length; i++) {
    data[i] = skyLevel(i % width, Math.floor(i / width)) + 4 * normal();
    if (i % 97 === 0) data[i]! += 3000;
  }
  return data;
}

function skyLevel(x: number, y: number): number {
  return 1000 + 0.05 * x - 0.03 * y;
}

Deno.test("measureBackground() follows a tilted sky under stars, holes and masked pixels", async () => {
  const [width, height] = [500, 300];
  const data = skyImage(width, height);
  const mask = new Uint16Array(data.length);
  for (let y = 64; y < 128; y++) {
    data.fill(NaN, y * width + 128, y * width + 192);
    mask.fill(4, y * width + 320, y * width + 384);
    data.fill(9e4, y * width + 320, y * width + 384);
  }
  using compute = await openCompute({ device: "cpu" });
  const background = await measureBackground(compute, { width, values: data, mask }, { filter: 1 });
  assert.equal(background.columns * background.rows, 40);
  for (
    const [x, y] of [[30, 30], [250, 200], [450, 30], [30, 250], [160, 96], [350, 96]] as const
  ) {
    const apart = Math.abs(background.level(x, y) - skyLevel(x, y));
    assert.ok(apart < 1.5, `${apart} at ${x}, ${y}`);
    assert.ok(Math.abs(background.sigma(x, y) - 4) < 0.3);
  }
  assert.ok(Math.abs(background.globalLevel - skyLevel(250, 150)) < 3);
  assert.ok(Math.abs(background.globalSigma - 4) < 0.2);
});

Deno.test("subtract() takes off what levelRow() gives, on strips as on the whole", async () => {
  const [width, height] = [200, 130];
  const data = skyImage(width, height);
  using compute = await openCompute({ device: "cpu" });
  const background = await measureBackground(compute, { width, values: data });
  const whole = data.slice();
  background.subtract(whole);
  const strips = data.slice();
  background.subtract(strips.subarray(100 * width), 100);
  background.subtract(strips.subarray(0, 100 * width));
  assert.deepEqual(strips, whole);
  const row = background.levelRow(70);
  assert.equal(whole[70 * width + 5], Math.fround(data[70 * width + 5]! - row[5]!));
  assert.equal(row[5], Math.fround(background.level(5, 70)));
});

Deno.test("an image without data has no background, one of a single value has no noise", async () => {
  using compute = await openCompute({ device: "cpu" });
  const measure = (side: number, value: number) =>
    measureBackground(compute, { width: side, values: new Float32Array(side * side).fill(value) });
  const empty = await measure(10, NaN);
  assert.ok(Number.isNaN(empty.globalLevel) && Number.isNaN(empty.level(3, 3)));
  const flat = await measure(100, 7);
  assert.deepEqual([flat.globalLevel, flat.globalSigma, flat.level(99, 0)], [7, 0, 7]);
});

/** Measures an image by strips of so many rows. */
async function byStrips(compute: Compute, data: Float32Array, mask: Uint16Array, rows: number) {
  const width = 200;
  using strips = new BackgroundStrips(compute, width, { meshPx: 32 });
  for (let at = 0; at < data.length; at += rows * width) {
    const end = Math.min(data.length, at + rows * width);
    await strips.push({ values: data.slice(at, end), mask: mask.slice(at, end) });
  }
  return await strips.finish();
}

Deno.test("BackgroundStrips gives the same however the image is cut", async () => {
  const [width, height] = [200, 130];
  const data = skyImage(width, height);
  const mask = Uint16Array.from(data, (_, i) => i % 11 === 0 ? 1 : 0);
  using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
  const whole = await measureBackground(compute, { width, values: data, mask }, { meshPx: 32 });
  for (const rows of [1, 7, 32, 33, 64, 100]) {
    const { meshLevels, meshSigmas } = await byStrips(compute, data, mask, rows);
    assert.deepEqual(meshLevels, whole.meshLevels);
    assert.deepEqual(meshSigmas, whole.meshSigmas);
  }
  assert.equal(compute.bytesInUse, 0);
});

Deno.test("SplineSurface passes through its knots and follows a natural cubic spline", () => {
  // Second derivatives by numpy.linalg.solve of the tridiagonal system, value at 2.5.
  const surface = new SplineSurface(Float64Array.of(0, 1, 0, 2, 1), 5, 1, 10);
  for (const [i, value] of [0, 1, 0, 2, 1].entries()) {
    assert.ok(Math.abs(surface.at(10 * i + 4.5, 0) - value) < 1e-12);
  }
  assert.ok(Math.abs(surface.at(29.5, 0) - 0.9397321428571428) < 1e-12);
});
