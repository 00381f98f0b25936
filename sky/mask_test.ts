import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { DataError } from "../config/errors.ts";
import { readHeader } from "../fits/file.ts";
import { FitsHeader } from "../fits/header.ts";
import { writeImage } from "../fits/image.ts";
import { withFolder } from "./_testing.ts";
import {
  bit,
  countMasked,
  growMask,
  MASK_PLANES,
  planesOf,
  readMask,
  UNUSABLE,
  writeMask,
} from "./mask.ts";

Deno.test("planesOf() undoes bit()", () => {
  assert.deepEqual(planesOf(bit("CR", "BAD", "STREAK")), ["BAD", "CR", "STREAK"]);
  assert.equal(countMasked(Uint16Array.of(0, 1, 8, 32), UNUSABLE), 2);
  const fit = planesOf(0x7fff & ~UNUSABLE);
  assert.ok(fit.includes("SUSPECT") && !fit.includes("CROSSTALK"), fit.join(" "));
});

Deno.test("writeMask() and readMask() keep every value, and each plane has its card", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.mask.fits");
    const data = Uint16Array.from({ length: 600 }, (_, i) => (i * 109) & 0x7fff);
    data[599] = 0xffff;
    await writeMask(path, {
      width: 30,
      height: 20,
      data,
      header: FitsHeader.from({ BUNIT: "ADU" }),
    });
    const back = await readMask(path);
    assert.deepEqual([back.width, back.height, back.data], [30, 20, data]);
    const header = await readHeader(path);
    for (const [name, number] of Object.entries(MASK_PLANES)) {
      assert.equal(header.number(`MP_${name}`), number, name);
    }
    assert.equal(header.has("BUNIT"), false);
  }));

Deno.test("readMask() moves the bits of a file that numbers its planes otherwise", () =>
  withFolder(async (folder) => {
    const path = join(folder, "other.fits");
    const header = FitsHeader.from({ MP_CR: 0, MP_BAD: 3, MP_NO_DATA: 1, MP_GHOST: 2 });
    await writeImage(path, { width: 4, height: 1, data: Uint16Array.of(1, 8, 2, 4), header });
    const { data } = await readMask(path);
    assert.deepEqual([...data], [bit("CR"), bit("BAD"), bit("NO_DATA"), bit("SUSPECT")]);
  }));

Deno.test("readMask() refuses an image that is no mask", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    await writeImage(path, { width: 2, height: 1, data: Float32Array.of(0, 1.5) });
    await assert.rejects(readMask(path), DataError);
  }));

Deno.test("growMask() equals painting a disc around every pixel that is set", () => {
  const width = 23;
  const height = 17;
  const pixels = fc.array(
    fc.tuple(fc.nat(width - 1), fc.nat(height - 1), fc.constantFrom(1, 2, 3)),
    {
      maxLength: 30,
    },
  );
  fc.assert(fc.property(pixels, fc.double({ min: 0, max: 5, noNaN: true }), (set, radius) => {
    const data = new Uint16Array(width * height);
    for (const [x, y, value] of set) data[y * width + x]! |= value;
    const grown = growMask({ width, height, data }, 1, radius);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const near = set.some(([px, py, v]) =>
          (v & 1) === 1 && (px - x) ** 2 + (py - y) ** 2 <= radius ** 2
        );
        const expected = (data[y * width + x]! & 2) | (near ? 1 : 0);
        assert.equal(grown.data[y * width + x], expected, `${x} ${y}`);
      }
    }
  }));
});
