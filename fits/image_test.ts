import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { DataError } from "../config/errors.ts";
import { askPython, assertVerified, HAS_ASTROPY, withFolder } from "./_testing.ts";
import { datasum, verifyChecksums } from "./checksum.ts";
import { readHeader } from "./file.ts";
import { FitsHeader } from "./header.ts";
import { createImage, openImage, readImage, updateHeader, writeImage } from "./image.ts";
import type { WriteOptions } from "./image.ts";

const TYPES: readonly WriteOptions[] = [
  { bitpix: 8 },
  { bitpix: 8, bzero: -128 },
  { bitpix: 16 },
  { bitpix: 16, bzero: 32768 },
  { bitpix: 16, bscale: 0.25, bzero: 1000 },
  { bitpix: 32 },
  { bitpix: 32, bzero: 2147483648 },
  { bitpix: 64 },
  { bitpix: 64, bzero: 9223372036854775808 },
  { bitpix: 64, bscale: 0.5, bzero: 10 },
  { bitpix: -32 },
  { bitpix: -64 },
];

const label = (type: WriteOptions) => JSON.stringify(type);

Deno.test("every type of pixel passes fitsverify and comes back, NaN as BLANK", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    const data = Float32Array.from({ length: 35 }, (_, i) => i + 20);
    data[11] = NaN;
    for (const type of TYPES) {
      await writeImage(path, { width: 7, height: 5, data }, type);
      await assertVerified(path);
      const { header, ...image } = await readImage(path);
      assert.equal(header.has("BLANK"), (type.bitpix ?? 0) > 0, label(type));
      assert.deepEqual([...image.data], [...data], label(type));
    }
  }));

Deno.test({
  name: "astropy reads the same pixels from every type",
  ignore: !HAS_ASTROPY,
  fn: () =>
    withFolder(async (folder) => {
      const data = Float32Array.from({ length: 35 }, (_, i) => i + 20);
      data[11] = NaN;
      // Its own conversions of unsigned integers cannot take BLANK, so they are switched off; then
      // small numbers with BZERO 2⁶³ get lost in its float64.
      const program = `import sys, json
from astropy.io import fits
read = lambda f: fits.getdata(f, uint=False).ravel()
print(json.dumps([[None if v != v else float(v) for v in read(f)] for f in sys.argv[1:]]))`;
      const types = TYPES.filter(({ bzero = 0 }) => bzero < 2 ** 63);
      const paths = types.map((_, i) => join(folder, `${i}.fits`));
      for (const [i, type] of types.entries()) {
        await writeImage(paths[i]!, { width: 7, height: 5, data }, type);
      }
      const wanted = Array.from(data, (v) => Number.isNaN(v) ? null : v);
      const seen = await askPython(program, ...paths) as unknown[];
      for (const [i, type] of types.entries()) assert.deepEqual(seen[i], wanted, label(type));
    }),
});

Deno.test({
  name: "every type that astropy writes is read, with BLANK and scale",
  ignore: !HAS_ASTROPY,
  fn: () =>
    withFolder(async (folder) => {
      const program = `import sys, json, numpy as np
from astropy.io import fits
a = np.arange(-6, 6).reshape(3, 4)
for t in ['u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', 'f4', 'f8']:
    d = (a + (100 if t[0] == 'u' else 0)).astype(t)
    h = fits.PrimaryHDU(d)
    if t in ('u1', 'i2', 'i4', 'i8'): h.header['BLANK'] = int(d[1, 1])
    h.writeto(sys.argv[1] + '/' + t + '.fits')
print('null')`;
      await askPython(program, folder);
      for (const type of ["u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]) {
        const wanted = Array.from({ length: 12 }, (_, i) => i - 6 + (type[0] === "u" ? 100 : 0));
        if (["u1", "i2", "i4", "i8"].includes(type)) wanted[5] = NaN;
        const { data, width, height } = await readImage(join(folder, `${type}.fits`));
        assert.deepEqual([width, height, ...data], [4, 3, ...wanted], type);
      }
    }),
});

Deno.test("images of random sizes come back from random strips", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    const size = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 40 }));
    const strips = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }));
    await fc.assert(
      fc.asyncProperty(size, strips, fc.constantFrom(...TYPES), async (dims, rows, type) => {
        const [width, height] = dims;
        const data = Float32Array.from({ length: width * height }, (_, i) => 20 + (i * 37) % 80);
        {
          await using writer = await createImage(path, { width, height, ...type });
          for (let y = 0; y < height; y += rows[0]) {
            await writer.writeRows(data.subarray(y * width, (y + rows[0]) * width));
          }
          await writer.finish();
        }
        using reader = await openImage(path);
        const seen: number[] = [];
        const into = new Float32Array(rows[1] * width);
        for (let y = 0; y < height; y += rows[1]) {
          seen.push(...await reader.readRows(y, Math.min(rows[1], height - y), into));
        }
        assert.deepEqual(seen, [...data]);
        const sums = await verifyChecksums(path);
        assert.deepEqual(sums, [{ hdu: 0, checksum: true, datasum: true }]);
      }),
      { numRuns: 150 },
    );
  }));

Deno.test("an image larger than one piece is written and read whole", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    const [width, height] = [1537, 1021];
    const data = Uint16Array.from({ length: width * height }, (_, i) => (i * 7919) & 0xffff);
    await writeImage(path, { width, height, data });
    await assertVerified(path);
    using reader = await openImage(path);
    assert.equal(reader.bitpix, 16);
    assert.equal(reader.header.number("BZERO"), 32768);
    assert.deepEqual(await reader.readRowsUint16(0, height), data);
    assert.deepEqual(await reader.readRows(0, height), Float32Array.from(data));
    const shared = new Float32Array(new SharedArrayBuffer(4 * width * 3));
    assert.deepEqual([...await reader.readRows(9, 3, shared)], [
      ...data.subarray(9 * width, 12 * width),
    ]);
  }));

Deno.test("readers serve calls that overlap", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    const data = Float32Array.from({ length: 64 * 100 }, (_, i) => i);
    await writeImage(path, { width: 64, height: 100, data }, { bitpix: 32 });
    using reader = await openImage(path);
    const strips = await Promise.all(
      Array.from({ length: 100 }, (_, y) => reader.readRows(y, 1)),
    );
    assert.deepEqual(strips.flatMap((strip) => [...strip]), [...data]);
  }));

Deno.test("values out of range saturate, and a value that equals BLANK moves by one", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    const data = Float32Array.of(-1e9, 0, 1e9, 0.5, NaN, Infinity);
    const read = async (options: WriteOptions) => {
      await writeImage(path, { width: 6, height: 1, data }, options);
      return [...(await readImage(path)).data];
    };
    assert.deepEqual(await read({ bitpix: 16 }), [-32767, 0, 32767, 1, NaN, 32767]);
    assert.deepEqual(await read({ bitpix: 16, bzero: 32768 }), [1, 1, 65535, 1, NaN, 65535]);
    assert.deepEqual(await read({ bitpix: 8 }), [0, 0, 254, 1, NaN, 254]);
    assert.deepEqual(await read({ bitpix: 16, blank: 0 }), [-32768, 1, 32767, 1, NaN, 32767]);
  }));

Deno.test("NaN without BLANK and counts that do not fit are refused, and nothing is left", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    const cases: readonly (readonly [WriteOptions, Float32Array | Uint16Array])[] = [
      [{ bitpix: 16 }, Float32Array.of(1, NaN)],
      [{ bitpix: 64 }, Float32Array.of(1, NaN)],
      [{ bitpix: 16 }, Uint16Array.of(1, 40000)],
      [{ bitpix: 8 }, Uint16Array.of(1, 256)],
    ];
    for (const [type, data] of cases) {
      await assert.rejects(async () => {
        await using writer = await createImage(path, { width: 2, height: 1, ...type });
        await writer.writeRows(data);
      }, DataError);
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    }
  }));

Deno.test("an unfinished image leaves the earlier file of its name alone", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    await writeImage(path, { width: 2, height: 1, data: Float32Array.of(1, 2) });
    {
      await using writer = await createImage(path, { width: 2, height: 2 });
      await writer.writeRows(Float32Array.of(8, 9));
    }
    {
      await using writer = await createImage(path, { width: 2, height: 2 });
      await writer.writeRows(Float32Array.of(8, 9));
      await assert.rejects(writer.finish(), /2 pixels given for 2 by 2/);
    }
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["image.fits"]);
    assert.deepEqual([...(await readImage(path)).data], [1, 2]);
    await assert.rejects(
      createImage(join(folder, "no", "x.fits"), { width: 1, height: 1 }),
      DataError,
    );
    await assert.rejects(createImage(path, { width: 0, height: 1 }), DataError);
  }));

Deno.test("createImage() takes over the observation and leaves the layout of its source", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    const header = FitsHeader.from({
      SIMPLE: true,
      BITPIX: 16,
      NAXIS: 3,
      NAXIS1: 5,
      NAXIS3: 2,
      BZERO: 32768,
      BLANK: 0,
      ZIMAGE: true,
      OBJECT: "T09614",
      CHECKSUM: "wrong",
    }).addHistory("flat-fielded");
    await writeImage(path, { width: 2, height: 1, data: Float32Array.of(1, 2), header });
    await assertVerified(path);
    const written = await readHeader(path);
    assert.deepEqual(
      ["NAXIS", "NAXIS1", "OBJECT", "BZERO", "BLANK", "ZIMAGE"].map((k) => written.get(k)),
      [2, 2, "T09614", undefined, undefined, undefined],
    );
    assert.equal(header.number("NAXIS1"), 5);
    assert.ok(written.cards.some((card) => card.value === "flat-fielded"));
  }));

Deno.test("planes of a cube are read one at a time", () =>
  withFolder(async (folder) => {
    const path = join(folder, "cube.fits");
    const header = FitsHeader.from({
      SIMPLE: true,
      BITPIX: 8,
      NAXIS: 3,
      NAXIS1: 2,
      NAXIS2: 2,
      NAXIS3: 3,
    });
    const bytes = new Uint8Array(2880);
    for (let i = 0; i < 12; i++) bytes[i] = i;
    await Deno.writeFile(path, new Blob([header.encode(), bytes]).stream());
    assert.deepEqual([...(await readImage(path, { plane: 2 })).data], [8, 9, 10, 11]);
    await assert.rejects(readImage(path, { plane: 3 }), /it has 3 planes/);
  }));

Deno.test("updateHeader() changes cards in place and keeps data and other units", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    const target = join(folder, "copy.fits");
    const data = Float32Array.from({ length: 3000 }, (_, i) => i / 7);
    await writeImage(path, { width: 60, height: 50, data }, { bitpix: -64 });
    const extension = FitsHeader.from({
      XTENSION: "IMAGE",
      BITPIX: 8,
      NAXIS: 1,
      NAXIS1: 3,
      PCOUNT: 0,
      GCOUNT: 1,
    });
    await Deno.writeFile(path, extension.encode(), { append: true });
    await Deno.writeFile(path, new Uint8Array(2880), { append: true });
    const before = await readImage(path);
    await updateHeader(path, target, (header) => {
      for (let i = 0; i < 80; i++) header.set(`CARD${i}`, i);
    });
    await updateHeader(target, target, (header) => header.set("CARD0", "changed").delete("CARD9"));
    await assertVerified(target);
    const after = await readImage(target);
    assert.deepEqual(after.data, before.data);
    assert.equal(after.header.get("CARD0"), "changed");
    assert.equal(after.header.has("CARD9"), false);
    assert.equal((await readHeader(target, 1)).number("NAXIS1"), 3);
    assert.equal(before.header.has("CARD0"), false);
    assert.deepEqual((await verifyChecksums(target))[0], { hdu: 0, checksum: true, datasum: true });
  }));

Deno.test("rows copied as bytes make the same image, with the same checksum", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    const target = join(folder, "copy.fits");
    const data = Float32Array.from({ length: 700 }, (_, i) => i - 7);
    for (const known of [false, true]) {
      await writeImage(path, { width: 35, height: 20, data }, { bitpix: 16, bzero: 32768 });
      {
        using image = await openImage(path);
        assert.equal(image.layout.bzero, 32768);
        await using copy = await createImage(target, {
          width: 35,
          height: 20,
          bitpix: 16,
          bzero: 32768,
        });
        const room = new Uint8Array(new SharedArrayBuffer(35 * 6 * 2 + 5));
        for (let y = 0; y < 20; y += 6) {
          const rows = await image.readRowBytes(y, Math.min(6, 20 - y), room);
          const sum = rows.length % 4 === 0 && known ? datasum(rows.slice()) : undefined;
          await copy.writeRowBytes(rows, sum);
        }
        await assert.rejects(copy.writeRowBytes(new Uint8Array(70)), DataError);
        assert.throws(() => image.readRowBytes(0, 21, room), RangeError);
        await copy.finish();
      }
      await assertVerified(target);
      assert.deepEqual((await readImage(target)).data, (await readImage(path)).data);
      const [unit] = await verifyChecksums(target);
      assert.equal(unit?.datasum, true);
    }
  }));
