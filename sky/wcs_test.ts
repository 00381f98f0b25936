import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { DataError } from "../config/errors.ts";
import { scanFits } from "../fits/file.ts";
import { FitsHeader } from "../fits/header.ts";
import { DATA, testWithData } from "./_testing.ts";
import { separationDeg } from "./angle.ts";
import reference from "./testdata/wcs.json" with { type: "json" };
import { clearWcs, setWcs, shiftWcs, tanWcs, type Wcs, wcsFromHeader } from "./wcs.ts";

type Cards = Record<string, string | number>;

function read(cards: Cards): Wcs {
  const wcs = wcsFromHeader(FitsHeader.from(cards));
  assert.ok(wcs !== undefined);
  return wcs;
}

/** Compares with astropy to 1e-9 degrees, and the way back to 1e-6 px. */
function compare(name: string, wcs: Wcs, points: readonly (readonly number[])[]): void {
  for (const [x, y, raDeg, decDeg] of points as [number, number, number, number][]) {
    const [ra, dec] = wcs.pixelToSky(x, y);
    const apart = separationDeg({ raDeg: ra, decDeg: dec }, { raDeg, decDeg });
    assert.ok(apart < 1e-9, `${name}: ${apart} degrees at ${x}, ${y}`);
    const [px, py] = wcs.skyToPixel(raDeg, decDeg);
    assert.ok(Math.hypot(px - x, py - y) < 1e-6, `${name}: back to ${px}, ${py} from ${x}, ${y}`);
  }
}

for (const { name, cards, points } of reference.made) {
  Deno.test(`wcsFromHeader() agrees with astropy to 1e-9 degrees: ${name}`, () => {
    const made: Cards = {};
    for (const [key, value] of Object.entries(cards)) if (value !== undefined) made[key] = value;
    compare(name, read(made), points);
  });
  Deno.test(`setWcs() writes cards that read back as the same map: ${name}`, () => {
    const made: Cards = {};
    for (const [key, value] of Object.entries(cards)) if (value !== undefined) made[key] = value;
    const header = FitsHeader.from({ OBJECT: "M31", CDELT1: 7, PC1_1: 3, A_ORDER: 2, A_2_0: 1 });
    setWcs(header, read(made));
    const copy = wcsFromHeader(FitsHeader.parse(header.encode()));
    assert.equal(header.text("OBJECT"), "M31");
    compare(name, copy!, points);
  });
}

testWithData(
  "wcsFromHeader() agrees with astropy to 1e-9 degrees on every real header",
  async () => {
    for (const { file, hdu, points } of reference.real) {
      const path = join(DATA, file);
      const header = file.endsWith(".txt")
        ? FitsHeader.parse(cardsOfText(readFileSync(path, "latin1")))
        : (await scanFits(path))[hdu]!.header;
      const wcs = wcsFromHeader(header);
      assert.ok(wcs !== undefined, file);
      compare(file, wcs, points);
    }
  },
);

function cardsOfText(text: string): Uint8Array {
  return new TextEncoder().encode(text.split("\n").map((line) => line.padEnd(80)).join(""));
}

const anyField = fc.record({
  raDeg: fc.double({ min: 0, max: 360, noNaN: true, maxExcluded: true }),
  decDeg: fc.double({ min: -90, max: 90, noNaN: true }),
  scaleArcsec: fc.double({ min: 0.05, max: 10, noNaN: true }),
  rotationDeg: fc.double({ min: 0, max: 359.99, noNaN: true }),
  parity: fc.constantFrom(1 as const, -1 as const),
  width: fc.integer({ min: 10, max: 10000 }),
  height: fc.integer({ min: 10, max: 10000 }),
});

Deno.test("tanWcs() goes to the sky and back to 1e-6 px, poles and 0h included", () => {
  const place = fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );
  fc.assert(fc.property(anyField, place, (field, [u, v]) => {
    const wcs = tanWcs(field);
    const [x, y] = [u * field.width, v * field.height];
    const [ra, dec] = wcs.pixelToSky(x, y);
    assert.ok(ra >= 0 && ra < 360);
    const [px, py] = wcs.skyToPixel(ra, dec);
    // A degree has 15 significant digits: near a pole the right ascension loses some.
    const tolerance = 1e-6 + 1e-9 / field.scaleArcsec;
    assert.ok(Math.hypot(px - x, py - y) < tolerance, `${px} ${py}`);
  }));
});

Deno.test("tanWcs() reports the scale, rotation and parity it was made with", () => {
  fc.assert(fc.property(anyField, (field) => {
    const wcs = tanWcs(field);
    assert.ok(Math.abs(wcs.pixelScaleArcsec / field.scaleArcsec - 1) < 1e-12);
    const turn = Math.abs(wcs.rotationDeg - field.rotationDeg);
    assert.ok(Math.min(turn, 360 - turn) < 1e-9, `${wcs.rotationDeg}`);
    assert.equal(wcs.parity, field.parity);
  }));
});

Deno.test("tanWcs() has north up and east left by default, and turns from north to east", () => {
  const field = { raDeg: 180, decDeg: 0, scaleArcsec: 1, width: 100, height: 100 };
  const [ra, dec] = tanWcs(field).pixelToSky(59.5, 69.5);
  assert.ok(ra < 180 && dec > 0);
  const turned = tanWcs({ ...field, rotationDeg: 90 });
  assert.ok(turned.pixelToSky(49.5, 60)[0] > 180);
});

Deno.test("jacobian() and pixelAreaArcsec2() equal finite differences on the sky", () => {
  for (const { name, cards } of reference.made.slice(0, 27)) {
    const wcs = read(cards as Cards);
    const [x, y, h] = [800, 1200, 0.5];
    const { eastX, eastY, northX, northY } = wcs.jacobian(x, y);
    const [ra0, dec0] = wcs.pixelToSky(x, y);
    const cos = Math.cos(dec0 * Math.PI / 180);
    const step = (dx: number, dy: number) => {
      const [a, b] = [wcs.pixelToSky(x + dx, y + dy), wcs.pixelToSky(x - dx, y - dy)];
      return [(a[0] - b[0]) * cos * 3600, (a[1] - b[1]) * 3600];
    };
    const [ex, nx] = step(h, 0) as [number, number];
    const [ey, ny] = step(0, h) as [number, number];
    const worst = Math.max(
      ...[ex - eastX, ey - eastY, nx - northX, ny - northY].map((d) => Math.abs(d)),
    );
    assert.ok(worst < 1e-4 * wcs.pixelScaleArcsec, `${name} at ${ra0}: ${worst}`);
    const area = Math.abs(eastX * northY - eastY * northX);
    assert.ok(Math.abs(wcs.pixelAreaArcsec2(x, y) / area - 1) < 1e-9, name);
  }
});

Deno.test("shiftWcs() gives a cut-out the directions of the whole", () => {
  const whole = read(reference.made[1]!.cards as Cards);
  assert.deepEqual(
    shiftWcs(whole, 100, 40).pixelToSky(7, 8).map((v) => v.toFixed(10)),
    whole.pixelToSky(107, 48).map((v) => v.toFixed(10)),
  );
});

Deno.test("skyToPixel() gives NaN behind the tangent plane and where a distortion folds over", () => {
  const wcs = tanWcs({ raDeg: 10, decDeg: 20, scaleArcsec: 1, width: 10, height: 10 });
  assert.deepEqual(wcs.skyToPixel(190, -20), [NaN, NaN]);
  const bent = read({
    CTYPE1: "RA---TAN-SIP",
    CTYPE2: "DEC--TAN-SIP",
    CRVAL1: 10,
    CRVAL2: 20,
    CRPIX1: 1,
    CRPIX2: 1,
    CD1_1: -1e-4,
    CD2_2: 1e-4,
    A_ORDER: 2,
    A_2_0: -1e-3,
    B_ORDER: 2,
  });
  assert.ok(bent.skyToPixel(9.99, 20).every(Number.isFinite));
  assert.ok(bent.skyToPixel(9.9, 20).every(Number.isNaN), "beyond the fold at 250 px");
});

Deno.test("wcsFromHeader() gives nothing for a header without celestial axes", () => {
  assert.equal(wcsFromHeader(FitsHeader.from({ CTYPE1: "        ", CRVAL1: 1 })), undefined);
  assert.equal(wcsFromHeader(FitsHeader.from({ CTYPE1: "LINEAR", CTYPE2: "LINEAR" })), undefined);
  assert.equal(wcsFromHeader(FitsHeader.from({})), undefined);
});

Deno.test("wcsFromHeader() refuses what it would misread, and says what", () => {
  const good = tanWcs({ raDeg: 1, decDeg: 2, scaleArcsec: 1, width: 10, height: 10 });
  const bad: [Cards, RegExp][] = [
    [{ CTYPE1: "RA---ZPN", CTYPE2: "DEC--ZPN" }, /projection "ZPN"/],
    [{ CD1_1: 0, CD1_2: 0 }, /singular/],
    [{ RADESYS: "FK4", EQUINOX: 1950 }, /FK4/],
    [{ CTYPE1: "GLON-TAN", CTYPE2: "GLAT-TAN" }, /GLON/],
    [{ CUNIT1: "parsec" }, /parsec/],
  ];
  for (const [cards, words] of bad) {
    const header = good.cards();
    for (const [key, value] of Object.entries(cards)) header.set(key, value);
    assert.throws(
      () => wcsFromHeader(header),
      (error) => error instanceof DataError && words.test(error.message),
    );
  }
});

Deno.test("stale SIP cards do not bend a WCS that SCAMP made", () => {
  const tpv = reference.made.find(({ name }) => name === "TAN with PV 0")!;
  const header = FitsHeader.from({ ...tpv.cards as Cards, A_ORDER: 2, A_2_0: 1e-3, B_ORDER: 2 });
  compare(tpv.name, wcsFromHeader(header)!, tpv.points);
});

Deno.test("clearWcs() leaves every other card", () => {
  const header = setWcs(
    FitsHeader.from({ OBJECT: "a", PV_NOTE: "kept", WAT0_001: "system=image" }),
    read(reference.made[1]!.cards as Cards),
  );
  clearWcs(header);
  assert.deepEqual(header.cards.map(({ keyword }) => keyword), [
    "OBJECT",
    "PV_NOTE",
    "RADESYS",
    "EQUINOX",
  ]);
});

/** Coefficients that bend a field of 2000 px at 1 arcsec by a few pixels a term. */
function anyDistortion(kind: "tpv" | "sip"): fc.Arbitrary<Cards> {
  const bend = fc.double({ min: -1, max: 1, noNaN: true });
  return fc.array(bend, { minLength: 40, maxLength: 40 }).map((values) => {
    const cards: Cards = {};
    for (const [i, value] of values.entries()) {
      if (kind === "tpv") {
        const [axis, term] = [1 + i % 2, Math.floor(i / 2)];
        // 0.3 degrees from the middle to a corner; degree 5 at most.
        cards[`PV${axis}_${term}`] = (term === 1 ? 1 : 0) + value * 2e-4;
      } else if (i < 24) {
        const [p, q] = [Math.floor(i / 2) % 4, Math.floor(i / 8)];
        if (p + q >= 2 && p + q <= 5) {
          cards[`${i % 2 ? "A" : "B"}_${p}_${q}`] = value * 5 / 1400 ** (p + q);
        }
      }
    }
    return kind === "tpv" ? cards : { ...cards, A_ORDER: 5, B_ORDER: 5 };
  });
}

for (const kind of ["tpv", "sip"] as const) {
  Deno.test(`any ${kind.toUpperCase()} field goes to the sky and back to 1e-6 px`, () => {
    const place = fc.double({ min: -50, max: 2050, noNaN: true });
    const dec = fc.double({ min: -85, max: 85, noNaN: true });
    fc.assert(fc.property(anyDistortion(kind), dec, place, place, (bent, decDeg, x, y) => {
      const plain = tanWcs({ raDeg: 0.1, decDeg, scaleArcsec: 1, width: 2000, height: 2000 });
      const cards: Cards = { ...bent };
      for (const { keyword, value } of plain.cards().cards) {
        if (typeof value === "string" || typeof value === "number") cards[keyword] = value;
      }
      if (kind === "sip") [cards["CTYPE1"], cards["CTYPE2"]] = ["RA---TAN-SIP", "DEC--TAN-SIP"];
      const wcs = read(cards);
      assert.equal(wcs.model.distortion.kind, kind);
      const [px, py] = wcs.skyToPixel(...wcs.pixelToSky(x, y));
      assert.ok(Math.hypot(px - x, py - y) < 1e-6, `${px - x} ${py - y}`);
    }));
  });
}
