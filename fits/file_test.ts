import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { DataError } from "../config/errors.ts";
import { withFolder } from "./_testing.ts";
import { readHeader, scanFits } from "./file.ts";
import { FitsHeader } from "./header.ts";
import { openImage, readImage, writeImage } from "./image.ts";
import { writeTables } from "./table.ts";

const PIXELS = { width: 40, height: 30, data: new Float32Array(1200).fill(7) };

async function refusal(work: Promise<unknown>): Promise<DataError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof DataError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

/** A file of header cards and data bytes, unit after unit. */
async function writeRaw(path: string, units: readonly [FitsHeader, number][]): Promise<void> {
  const parts = units.flatMap(([header, bytes]) => [header.encode(), new Uint8Array(bytes)]);
  await Deno.writeFile(path, new Blob(parts).stream());
}

Deno.test("a truncated image is refused with file, unit and byte counts", () =>
  withFolder(async (folder) => {
    const path = join(folder, "cut.fits");
    await writeImage(path, PIXELS);
    await Deno.truncate(path, 2880 + 4000);
    for (const attempt of [scanFits, readHeader, readImage]) {
      const error = await refusal(attempt(path));
      assert.equal(
        error.message,
        `Cannot read '${path}[0]': truncated, 7680 bytes expected and 6880 found`,
      );
      assert.deepEqual(error.details, {
        file: path,
        hdu: 0,
        expectedBytes: 7680,
        actualBytes: 6880,
      });
    }
  }));

Deno.test("a header without END is refused with its byte counts", () =>
  withFolder(async (folder) => {
    const path = join(folder, "cut.fits");
    await writeImage(path, PIXELS);
    await Deno.truncate(path, 240);
    const error = await refusal(scanFits(path));
    assert.match(
      error.message,
      /\[0\]': truncated, its header .* has no END card in the 240 bytes/,
    );
    assert.equal(error.details["actualBytes"], 240);
  }));

Deno.test("files that are no FITS files are refused with what they are", () =>
  withFolder(async (folder) => {
    const path = join(folder, "night.fits");
    const cases: readonly [Uint8Array, RegExp][] = [
      [new TextEncoder().encode("a text file\n"), /night\.fits': it is not a FITS file/],
      [new Uint8Array(0), /it is empty/],
      [Uint8Array.of(0x1f, 0x8b, 8, 0), /compressed with gzip/],
      [new Uint8Array(6000), /it is not a FITS file/],
    ];
    for (const [bytes, message] of cases) {
      await Deno.writeFile(path, bytes);
      assert.match((await refusal(scanFits(path))).message, message);
    }
    await Deno.remove(path);
    assert.match((await refusal(readHeader(path))).message, /Cannot read '.*night\.fits'/);
  }));

Deno.test("damaged cards of the layout are refused by name", () =>
  withFolder(async (folder) => {
    const path = join(folder, "damaged.fits");
    const layout = { SIMPLE: true, BITPIX: 16, NAXIS: 2, NAXIS1: 10, NAXIS2: 10 };
    for (
      const [card, value] of [["BITPIX", 12], ["PCOUNT", -2880], ["NAXIS", -1], ["NAXIS1", -4], [
        "NAXIS2",
        1.5,
      ], [
        "NAXIS",
        "two",
      ]] as const
    ) {
      await writeRaw(path, [[FitsHeader.from({ ...layout, [card]: value }), 2880]]);
      const error = await refusal(scanFits(path));
      assert.equal(error.details["card"], card);
      assert.ok(error.message.includes(`'${value}'`), error.message);
    }
    const { NAXIS2: _, ...without } = layout;
    await writeRaw(path, [[FitsHeader.from(without), 2880]]);
    assert.match((await refusal(scanFits(path))).message, /card 'NAXIS2' is missing/);
  }));

Deno.test("missing padding and junk after the last unit are tolerated", () =>
  withFolder(async (folder) => {
    const path = join(folder, "frame.fits");
    await writeImage(path, PIXELS);
    await Deno.truncate(path, 2880 + 4800);
    assert.equal((await readImage(path)).data.at(-1), 7);
    await writeImage(path, PIXELS);
    for (const junk of [new Uint8Array(2880), new Uint8Array(100).fill(0x20)]) {
      await Deno.writeFile(path, junk, { append: true });
      assert.equal((await scanFits(path)).length, 1);
      assert.equal((await readImage(path)).data.at(-1), 7);
    }
  }));

Deno.test("an extension that is cut off is refused, the image before it can be read", () =>
  withFolder(async (folder) => {
    const path = join(folder, "two.fits");
    const image = { BITPIX: 16, NAXIS: 2, NAXIS1: 4, NAXIS2: 3 };
    const extension = FitsHeader.from({ XTENSION: "IMAGE", ...image, PCOUNT: 0, GCOUNT: 1 });
    await writeRaw(path, [[FitsHeader.from({ SIMPLE: true, ...image }), 2880], [extension, 10]]);
    assert.deepEqual((await refusal(scanFits(path))).details, {
      file: path,
      hdu: 1,
      expectedBytes: 3 * 2880 + 24,
      actualBytes: 3 * 2880 + 10,
    });
    assert.equal((await readImage(path)).data.length, 12);
  }));

Deno.test("readHeader() and openImage() take the first unit that holds an image", () =>
  withFolder(async (folder) => {
    const path = join(folder, "extension.fits");
    const image = { BITPIX: 16, NAXIS: 2, NAXIS1: 4, NAXIS2: 3, PCOUNT: 0, GCOUNT: 1 };
    await writeRaw(path, [
      [FitsHeader.from({ SIMPLE: true, BITPIX: 8, NAXIS: 0, OBJECT: "primary" }), 0],
      [FitsHeader.from({ XTENSION: "IMAGE", ...image, EXTNAME: "SCI" }), 2880],
      [FitsHeader.from({ XTENSION: "IMAGE", ...image, EXTNAME: "MASK" }), 2880],
    ]);
    assert.deepEqual((await scanFits(path)).map(({ name, kind }) => [name, kind]), [
      ["", "empty"],
      ["SCI", "image"],
      ["MASK", "image"],
    ]);
    assert.equal((await readHeader(path)).text("EXTNAME"), "SCI");
    assert.equal((await readHeader(path, 0)).text("OBJECT"), "primary");
    using second = await openImage(path, { hdu: 2 });
    assert.equal(second.header.where, `${path}[2]`);
    assert.match((await refusal(openImage(path, { hdu: 0 }))).message, /it holds no pixels/);
    assert.match((await refusal(openImage(path, { hdu: 3 }))).message, /3 units, no unit 3/);
  }));

Deno.test("pixels of a table are refused, and readHeader() falls back to the primary unit", () =>
  withFolder(async (folder) => {
    const path = join(folder, "table.fits");
    await writeTables(path, [{ name: "T", columns: [{ name: "X", data: [1, 2] }] }]);
    assert.equal((await readHeader(path)).boolean("SIMPLE"), true);
    assert.match((await refusal(openImage(path, { hdu: 1 }))).message, /it is a table/);
  }));

Deno.test("random groups and empty axes count their data rightly", () =>
  withFolder(async (folder) => {
    const path = join(folder, "groups.fits");
    const groups = FitsHeader.from({
      SIMPLE: true,
      BITPIX: -32,
      NAXIS: 3,
      NAXIS1: 0,
      NAXIS2: 2,
      NAXIS3: 5,
      GROUPS: true,
      PCOUNT: 3,
      GCOUNT: 4,
    });
    await writeRaw(path, [[groups, 2880]]);
    assert.deepEqual((await scanFits(path)).map(({ kind, dataBytes }) => [kind, dataBytes]), [
      ["empty", 4 * 4 * (3 + 10)],
    ]);
    await writeRaw(path, [[
      FitsHeader.from({ SIMPLE: true, BITPIX: 8, NAXIS: 2, NAXIS1: 0, NAXIS2: 0 }),
      0,
    ]]);
    assert.equal((await scanFits(path))[0]?.kind, "empty");
  }));

Deno.test("a file damaged at random gives a DataError or an image, nothing else", () =>
  withFolder(async (folder) => {
    const path = join(folder, "frame.fits");
    await writeImage(path, PIXELS);
    const good = await Deno.readFile(path);
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(good.length), async (changes, length) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at % 1000] = value;
        await Deno.writeFile(path, bytes.subarray(0, length));
        try {
          await readImage(path);
        } catch (error) {
          assert.ok(error instanceof DataError, String(error));
        }
      }),
      { numRuns: 300 },
    );
  }));
