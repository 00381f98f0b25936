import assert from "node:assert/strict";
import fc from "fast-check";
import { DataError } from "../config/errors.ts";
import { formatDec, formatRa, parseDec, parseRa, separationDeg, wrapDeg } from "./angle.ts";
import { wrapDifferenceDeg } from "./angle.ts";
import reference from "./testdata/angles.json" with { type: "json" };

Deno.test("separationDeg(), formatRa() and formatDec() agree with astropy", () => {
  for (const { ra, dec, ra2, dec2, separation, hms, dms } of reference.angles) {
    const value = separationDeg({ raDeg: ra, decDeg: dec }, { raDeg: ra2, decDeg: dec2 });
    assert.ok(Math.abs(value - separation) < 1e-12, `${value} ${separation}`);
    assert.equal(formatRa(ra, { decimals: 3 }), hms);
    assert.equal(formatDec(dec, { decimals: 2 }), dms);
  }
});

Deno.test("parseRa() reads the forms that telescopes write", () => {
  const forms: [string | number, number][] = [
    ["05:32:11.1", 83.04625],
    ["05 32 11.1", 83.04625],
    [" 18:15:29", 273.8708333333333],
    ["5h32m11.1s", 83.04625],
    ["31.312099", 31.312099],
    [31.312099, 31.312099],
    ["-10", 350],
    ["00:00:00", 0],
    ["24:00:00", 0],
    ["1.5E+001", 15],
    ["05:32", 83],
  ];
  for (const [text, degrees] of forms) {
    assert.ok(Math.abs(parseRa(text) - degrees) < 1e-12, `${text}`);
  }
});

Deno.test("parseDec() keeps the sign of -0 degrees", () => {
  assert.equal(parseDec("-00:30:00"), -0.5);
  assert.equal(parseDec("+31 54 45.0"), 31.9125);
  assert.equal(parseDec("- 00 30 00"), -0.5);
  assert.equal(parseDec("-25°17′06″"), -25.285);
});

Deno.test("parseRa() and parseDec() refuse what is no angle, and quote it", () => {
  const bad: (() => number)[] = [
    () => parseRa(""),
    () => parseRa("N/A"),
    () => parseRa("25:00:00"),
    () => parseRa("05:60:00"),
    () => parseRa(NaN),
    () => parseRa(1e9),
    () => parseDec("91"),
    () => parseDec("-90:00:01"),
    () => parseDec("10:20:61"),
  ];
  for (const attempt of bad) assert.throws(attempt, DataError);
});

Deno.test("what formatRa() and formatDec() write is read back to half of the last digit", () => {
  const degrees = fc.double({ min: 0, max: 360, noNaN: true, maxExcluded: true });
  fc.assert(fc.property(degrees, (ra) => {
    const back = parseRa(formatRa(ra, { decimals: 3 }));
    assert.ok(Math.abs(wrapDifferenceDeg(back - ra)) <= 0.0005 * 15 / 3600 * 1.0001);
    const dec = ra / 2 - 90;
    assert.ok(Math.abs(parseDec(formatDec(dec, { decimals: 2 })) - dec) <= 0.005 / 3600 * 1.0001);
    assert.doesNotMatch(formatRa(ra), /60/);
  }));
});

Deno.test("wrapDeg() stays in [0, 360) for any angle", () => {
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (angle) => {
    const wrapped = wrapDeg(angle);
    assert.ok(wrapped >= 0 && wrapped < 360 && !Object.is(wrapped, -0));
  }));
});
