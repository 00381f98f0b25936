import assert from "node:assert/strict";
import { join } from "node:path";
import { DataError } from "../../config/errors.ts";
import { askPython, assertVerified, HAS_ASTROPY, withFolder } from "../_testing.ts";
import { readHeader } from "../file.ts";
import { FitsHeader } from "../header.ts";
import {
  type ImageReader,
  openImage,
  readImage,
  updateHeader,
  writeImage,
  type WriteOptions,
} from "../image.ts";

/** Not a multiple of a tile's side or of a block of Rice's code. */
const SIZE = { width: 203, height: 67 };

/** Numbers that look like a frame: noise, stars, a saturated one; the same each time. */
function frame(sky: number, sigma: number): Float64Array {
  let seed = 12345;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  return Float64Array.from({ length: SIZE.width * SIZE.height }, (_, i) => {
    const x = i % SIZE.width, y = Math.floor(i / SIZE.width);
    const noise = (random() + random() + random() - 1.5) * 2 * sigma;
    const star = 40000 * Math.exp(-((x - 60) ** 2 + (y - 30) ** 2) / 6);
    return sky + noise + star;
  });
}

async function pack(source: string, target: string, options: readonly string[]): Promise<void> {
  await run("fpack", [...options, "-O", target, source]);
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

/** Asserts that a packed file is read to the last bit as what funpack makes of it. */
async function assertAsUnpacked(packed: string): Promise<void> {
  const plain = `${packed}.plain.fits`;
  await Deno.remove(plain).catch(() => undefined);
  await run("funpack", ["-O", plain, packed]);
  using a = await openImage(packed), b = await openImage(plain);
  assert.deepEqual([a.width, a.height, a.planes, a.layout], [
    b.width,
    b.height,
    b.planes,
    b.layout,
  ]);
  assert.deepEqual(await rowsOf(a, 0, a.height), await rowsOf(b, 0, b.height), packed);
  const end = a.height - 9;
  assert.deepEqual(await rowsOf(a, end, 9), await rowsOf(b, end, 9), "some rows alone");
}

/** Stored pixels; as numbers where they are real, for a NaN has many forms. */
async function rowsOf(image: ImageReader, y0: number, rows: number): Promise<ArrayLike<number>> {
  const size = Math.abs(image.bitpix) / 8;
  const raw = new Uint8Array(rows * image.width * size);
  await image.readRowBytes(y0, rows, raw);
  if (image.bitpix > 0) return raw;
  const view = new DataView(raw.buffer);
  return Array.from(
    { length: rows * image.width },
    (_, i) => size === 4 ? view.getFloat32(4 * i) : view.getFloat64(8 * i),
  );
}

const INTEGERS: readonly (readonly [string, WriteOptions])[] = [
  ["bytes", { bitpix: 8 }],
  ["counts", { bitpix: 16, bzero: 32768 }],
  ["signed", { bitpix: 16 }],
  ["wide", { bitpix: 32 }],
];
const CUTS = [[], ["-w"], ["-t", "50,20"]] as const;

for (const [name, stored] of INTEGERS) {
  for (const algorithm of ["-r", "-g1", "-g2", "-h", "-p", "-d"]) {
    if (algorithm === "-p" && !["bytes", "counts"].includes(name)) continue;
    if (algorithm === "-d" && name === "bytes") continue; // fpack refuses
    Deno.test(`fpack ${algorithm} of ${name} is read as funpack reads it, however it is cut`, () =>
      withFolder(async (folder) => {
        const path = join(folder, "a.fits");
        const sky = name === "bytes" ? 90 : 1000;
        const top = { bytes: 255, counts: 65535, signed: 32767, wide: 2 ** 31 - 1 }[name]!;
        const data = frame(sky, 20).map((value) => Math.min(Math.round(value), top));
        if (name === "wide") data.forEach((value, i) => data[i] = value * 50_000 - 2 ** 30);
        await writeImage(path, { ...SIZE, data }, stored);
        for (const [i, cut] of CUTS.entries()) {
          const packed = join(folder, `${i}.fits.fz`);
          await pack(path, packed, [algorithm, ...cut]);
          await assertAsUnpacked(packed);
          assert.deepEqual((await readImage(packed)).data, (await readImage(path)).data);
        }
      }));
  }
}

const REALS = [
  ["-r"],
  ["-r", "-q", "1"],
  ["-r", "-qz", "4"],
  ["-r", "-q0", "4"],
  ["-g1"],
  ["-g2"],
  ["-g2", "-w"],
  ["-g1", "-q", "0"],
  ["-g2", "-q", "0"],
  ["-h", "-t", "60,30"],
  ["-r", "-t", "50,20"],
];

for (const bitpix of [-32, -64] as const) {
  Deno.test(`fpack of BITPIX ${bitpix} is read as funpack reads it, quantized or not`, () =>
    withFolder(async (folder) => {
      const path = join(folder, "a.fits");
      const data = frame(3.5, 0.7);
      for (let i = 0; i < data.length; i += 97) data[i] = NaN;
      for (let i = 40; i < data.length; i += 31) data[i] = 0;
      data.fill(7, 5 * SIZE.width, 6 * SIZE.width); // cannot be quantized
      await writeImage(path, { ...SIZE, data }, { bitpix });
      const known = join(folder, "known.fits");
      await writeImage(known, { ...SIZE, data: data.map((value) => value || 0) }, { bitpix });
      for (const [i, options] of REALS.entries()) {
        const packed = join(folder, `${i}.fits.fz`);
        // funpack 1.7 gives wrong numbers where tiles do not span the image and some pixel is NaN
        const cut = options.includes("-t");
        await pack(cut ? known : path, packed, options);
        await assertAsUnpacked(packed);
        const { data: found } = await readImage(packed);
        assert.equal(Number.isNaN(found[97]), !cut, options.join(" "));
        if (options.includes("0")) assert.deepEqual([...found], [...(await readImage(path)).data]);
      }
    }));
}

Deno.test({
  name: "tiles with gaps that do not span the image are read as astropy reads them",
  ignore: !HAS_ASTROPY,
  fn: () =>
    withFolder(async (folder) => {
      const path = join(folder, "a.fits"), packed = `${path}.fz`;
      const data = Float32Array.from(frame(3.5, 0.7), (value, i) => i % 97 === 0 ? NaN : value);
      await writeImage(path, { ...SIZE, data });
      await pack(path, packed, ["-r", "-t", "50,20"]);
      const program = `
import sys, json, numpy as np
from astropy.io import fits
print(json.dumps(fits.getdata(sys.argv[1], 1).astype('f4').ravel().tolist()))`;
      const theirs = await askPython(program, packed) as number[];
      const { data: found } = await readImage(packed);
      // astropy 5.2 does not see the gaps
      assert.deepEqual([...found], theirs.map((value, i) => i % 97 === 0 ? NaN : value));
    }),
});

Deno.test("openImage() gives a packed image its own header back", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.fits"), packed = `${path}.fz`;
    const header = FitsHeader.from({ OBJECT: "T1", ZP_AUTO: 25.5, ZPT: 3, SEEING: 1.2 });
    await writeImage(path, { ...SIZE, data: Float32Array.from(frame(5, 1)), header });
    await pack(path, packed, ["-r"]);
    using image = await openImage(packed);
    for (const own of [image.header, await readHeader(packed)]) {
      assert.equal(own.number("BITPIX"), -32);
      assert.equal(own.number("NAXIS2"), SIZE.height);
      for (const name of ["ZP_AUTO", "ZPT", "SEEING"]) assert.ok(own.has(name), name);
      for (const name of ["ZCMPTYPE", "TFORM1", "XTENSION", "EXTNAME"]) {
        assert.equal(own.has(name), false, name);
      }
    }
  }));

Deno.test("updateHeader() makes a plain image of a packed one", () =>
  withFolder(async (folder) => {
    const [path, packed, plain] = ["a.fits", "a.fits.fz", "b.fits"].map((name) =>
      join(folder, name)
    ) as [string, string, string];
    const data = Uint16Array.from(frame(1000, 20), (value) => Math.min(value, 65535));
    await writeImage(path, { ...SIZE, data, header: FitsHeader.from({ OBJECT: "T1" }) });
    await pack(path, packed, ["-r"]);
    await updateHeader(packed, plain, (header) => header.set("SEEING", 1.5));
    const { data: found, header } = await readImage(plain);
    assert.deepEqual(found, (await readImage(path)).data);
    assert.deepEqual([header.text("OBJECT"), header.number("SEEING")], ["T1", 1.5]);
    await assertVerified(plain);
  }));

Deno.test({
  name: "a packed cube is read plane by plane as astropy reads it",
  ignore: !HAS_ASTROPY,
  fn: () =>
    withFolder(async (folder) => {
      const packed = join(folder, "cube.fits.fz");
      const program = `
import sys, json, numpy as np
from astropy.io import fits
d = np.arange(3 * 40 * 50, dtype='i2').reshape(3, 40, 50) * 7 % 4001
fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(d, compression_type='RICE_1')]).writeto(sys.argv[1])
print(json.dumps([int(v) for v in d[2, 10]]))`;
      const wanted = await askPython(program, packed);
      using image = await openImage(packed, { plane: 2 });
      assert.equal(image.planes, 3);
      assert.deepEqual([...await image.readRows(10, 1)], wanted);
    }),
});

Deno.test("a way of compression that is not known is named with file, unit and funpack", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.fits"), packed = `${path}.fz`;
    await writeImage(path, { ...SIZE, data: Float32Array.from(frame(5, 1)) });
    await pack(path, packed, ["-r"]);
    await replace(packed, "'RICE_1  '", "'BZIP2_1 '");
    await assert.rejects(openImage(packed), {
      name: "DataError",
      message: /a\.fits\.fz\[1\]'.*ZCMPTYPE 'BZIP2_1'.*funpack/,
    });
  }));

Deno.test("a damaged tile is named", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.fits");
    await writeImage(path, { ...SIZE, data: Float32Array.from(frame(5, 1)) });
    for (const algorithm of ["-r", "-g1", "-h"]) {
      const packed = join(folder, `${algorithm}.fits.fz`);
      await pack(path, packed, [algorithm]);
      const bytes = await Deno.readFile(packed);
      bytes.fill(255, bytes.length - 2 * 2880, bytes.length - 2880);
      await Deno.writeFile(packed, bytes);
      using image = await openImage(packed);
      await assert.rejects(image.readRows(0, SIZE.height), (error: unknown) => {
        assert.ok(error instanceof DataError);
        assert.match(error.message, /\[1\]': tile \d+ \((RICE_1|GZIP_1|HCOMPRESS_1)\)/);
        return true;
      });
    }
  }));

async function replace(path: string, from: string, to: string): Promise<void> {
  const text = new TextDecoder("latin1").decode(await Deno.readFile(path)).replace(from, to);
  await Deno.writeFile(path, Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
}
