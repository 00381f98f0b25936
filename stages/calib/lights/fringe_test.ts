import assert from "node:assert/strict";
import { join } from "node:path";
import { readImage, writeImage } from "../../../fits/image.ts";
import { python, realData, RealNight } from "../_real_night.ts";
import { scatter } from "../_raw_night.ts";
import { type Fringe, fringeRow, measureFringe, readFringe } from "./fringe.ts";
import { loadSite } from "../../../config/site.ts";
import { openCompute } from "../../../gpu/compute.ts";

const SIZE = { width: 512, height: 400 };

/** Bands 40 px apart. */
function ripple(x: number, y: number): number {
  return Math.sin((y + 0.2 * x) * 2 * Math.PI / 40);
}

function image(value: (x: number, y: number) => number): Float32Array {
  return Float32Array.from(
    { length: SIZE.width * SIZE.height },
    (_, i) => value(i % SIZE.width, Math.floor(i / SIZE.width)),
  );
}

function star(x: number, y: number): number {
  return x % 64 > 60 && y % 64 > 60 ? 5000 : 0;
}

const PATTERN: Fringe = { ...SIZE, name: "bands", pattern: image(ripple), pairs: [] };

Deno.test("measureFringe() finds the strength of fringes under noise, stars and a sloping sky", async () => {
  using compute = await openCompute({ device: "cpu" });
  for (const strength of [4, 25]) {
    const data = image((x, y) =>
      1000 + 0.1 * x + strength * ripple(x, y) + 3 * scatter(1, x, y) + star(x, y)
    );
    const mask = new Uint16Array(data.length);
    const fit = await measureFringe(data, mask, PATTERN, { ...SIZE, id: "light", compute });
    assert.ok(fit.applied);
    assert.ok(
      Math.abs(fit.scale - strength) < 4 * fit.error + 0.01 * strength,
      JSON.stringify(fit),
    );
    const clean = data.map((value, i) => value - fit.scale * PATTERN.pattern[i]!);
    const left = await measureFringe(clean, mask, PATTERN, { ...SIZE, id: "light", compute });
    assert.ok(Math.abs(left.scale) < 0.02 * strength, `left ${left.scale}`);
  }
});

Deno.test("measureFringe() measures on the pairs of points alone when there are any", async () => {
  using compute = await openCompute({ device: "cpu" });
  const pairs = [30, 110, 190, 270].map((y) => ({
    dark: [100, y - 20] as const, // sin = −1 where y + 20 = 30 modulo 40
    bright: [100, y] as const,
  }));
  const at = (points: typeof pairs) => points;
  const data = image((x, y) => 1000 + 12 * ripple(x, y) + scatter(2, x, y));
  const fit = await measureFringe(data, new Uint16Array(data.length), {
    ...PATTERN,
    pairs: at(pairs),
  }, {
    ...SIZE,
    id: "light",
    compute,
  });
  assert.equal(fit.samples, 4);
  assert.ok(fit.applied && Math.abs(fit.scale - 12) < 1, JSON.stringify(fit));
});

Deno.test("measureFringe() leaves an image without fringes as it is", async () => {
  using compute = await openCompute({ device: "cpu" });
  const data = image((x, y) => 1000 + 3 * scatter(3, x, y));
  const fit = await measureFringe(data, new Uint16Array(data.length), PATTERN, {
    ...SIZE,
    id: "light",
    compute,
  });
  assert.equal(fit.applied, false);
});

Deno.test("measureFringe() refuses a pattern of another size and names both", async () => {
  using compute = await openCompute({ device: "cpu" });
  const frame = { width: 10, height: 10, id: "light", compute };
  await assert.rejects(
    () => measureFringe(new Float32Array(100), new Uint16Array(100), PATTERN, frame),
    /fringes out of "light": it is 10×10 px, the pattern "bands" is 512×400 px/,
  );
});

Deno.test("readFringe() reads 1-based pairs, and says which line is none", async () => {
  using compute = await openCompute({ device: "cpu" });
  const base = await Deno.makeTempDir({ prefix: "gppy-fringe-" });
  try {
    const site = await loadSite({ base, env: {} });
    const folder = site.paths.masters;
    await Deno.mkdir(folder, { recursive: true });
    await writeImage(join(folder, "f.fits"), { ...SIZE, data: PATTERN.pattern });
    await Deno.writeTextFile(join(folder, "p.dat"), "# dark bright\n11 21 31 41\n\n");
    const row = { unit: "*", filter: "z", image: "f.fits", pairs: "p.dat" };
    assert.deepEqual((await readFringe(site, row, compute)).pairs, [{
      dark: [10, 20],
      bright: [30, 40],
    }]);
    await Deno.writeTextFile(join(folder, "p.dat"), "11 21 31\n");
    await assert.rejects(readFringe(site, row, compute), /p\.dat": "11 21 31" is not x1 y1 x2 y2/);
    assert.equal(fringeRow([row, { ...row, unit: "A" }], "A", "z")?.unit, "A");
    assert.equal(fringeRow([row], "A", "r"), undefined);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});

const raw = realData("arcsat-20250602-xo1b");

/** Scatter of means over 112 columns by 8 rows, large-scale sky off: noise falls, bands stay. */
const BANDS = `
import sys, json, numpy as np
from astropy.io import fits
def bands(path):
    a = fits.getdata(path).astype(float)[512:, 64:960]
    s = np.median(a); a = np.where(np.abs(a - s) < 50, a, np.nan)
    m = np.nanmean(a.reshape(64, 8, 8, 112), axis=(1, 3))
    y, x = np.mgrid[-1:1:64j, -1:1:8j]
    basis = np.stack([x ** i * y ** j for i in range(4) for j in range(4 - i)], -1).reshape(-1, 10)
    m = m.ravel() - basis @ np.linalg.lstsq(basis, m.ravel(), rcond=None)[0]
    return float(1.4826 * np.median(np.abs(m)))
print(json.dumps({'before': bands(sys.argv[1]), 'after': bands(sys.argv[2])}))
`;

Deno.test({
  name: "calib takes the fringes out of ARCSAT lights by a pattern of other lights (GPPY_TESTDATA)",
  ignore: raw.ignore,
  async fn() {
    const names = [...Deno.readDirSync(raw.path)].map(({ name }) => name).sort();
    const lights = names.filter((name) => name.startsWith("XO1"));
    const others = names.filter((name) => /^(Bias|Dark|domeflat)/.test(name));
    const paths = (some: readonly string[]) => some.map((name) => join(raw.path, name));
    await using night = await RealNight.create({
      "fringe.dat": "unit filter image pairs\nARCSAT z ARCSAT/fringe/20250602-fz.fits -\n",
    });
    const plain = { fringe: false, makeFringe: true };
    const test = lights[0]!;
    const first = await night.run(paths([...others, ...lights.slice(2)]), "ARCSAT", plain);
    assert.ok(first.products.some(({ id, role }) => id === "20250602-fz" && role === "fringe"));
    const before = await night.run(paths([test]), "ARCSAT", { fringe: false });
    const after = await night.run(paths([test]), "ARCSAT");
    const [a, b] = [before, after].map(({ products }) =>
      products.find(({ kind }) => kind === "frame")!
    );
    const { header } = await readImage(b!.path);
    assert.equal(header.text("FRINGE"), "20250602-fz.fits");
    assert.ok(header.number("FRNGSCAL")! > 20 * header.number("FRNGERR")!);
    const found = await python(BANDS, [a!.path, b!.path]);
    assert.ok(found["after"]! < 0.6 * found["before"]!, JSON.stringify(found));
  },
});
