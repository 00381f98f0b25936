import assert from "node:assert/strict";
import fc from "fast-check";
import { DataError } from "../config/errors.ts";
import reference from "./testdata/times.json" with { type: "json" };
import { airmass, altitudeDeg, isoToMjd, localSiderealDeg, mjdToIso } from "./time.ts";
import { nightOf, parseUtc } from "./time.ts";

Deno.test("isoToMjd() agrees with astropy to a microsecond, and mjdToIso() goes back", () => {
  for (const { iso, mjd } of reference.times) {
    assert.ok(Math.abs(isoToMjd(iso) - mjd) * 86400e6 < 1.1, iso);
    assert.equal(mjdToIso(mjd), iso);
  }
});

Deno.test("mjdToIso() and isoToMjd() are inverse to the millisecond", () => {
  fc.assert(fc.property(fc.integer({ min: -2e12, max: 4e12 }), (milliseconds) => {
    const iso = new Date(milliseconds).toISOString().replace("Z", "");
    assert.equal(mjdToIso(isoToMjd(iso)), iso);
  }));
});

Deno.test("parseUtc() reads the forms that telescopes write", () => {
  const forms: [string, string | undefined, string][] = [
    ["2024-04-23T02:53:12.5", undefined, "2024-04-23T02:53:12.500"],
    ["2024-04-23T02:53:12Z", undefined, "2024-04-23T02:53:12.000"],
    ["2024-04-23 02:53:12", undefined, "2024-04-23T02:53:12.000"],
    ["2017-12-19T18:33:43.317-0700", undefined, "2017-12-20T01:33:43.317"],
    ["2017-12-20T01:03:43+05:30", undefined, "2017-12-19T19:33:43.000"],
    ["2013-08-03", "19:28:45", "2013-08-03T19:28:45.000"],
    ["2013-08-03 ", " 19:28:45 ", "2013-08-03T19:28:45.000"],
    ["2017-12-19", "2017-12-20T01:33:43.317-0000", "2017-12-20T01:33:43.317"],
    ["26/10/92", "03:04:05", "1992-10-26T03:04:05.000"],
    ["2016-12-31T23:59:60.5", undefined, "2017-01-01T00:00:00.500"],
    ["2024-02-29", undefined, "2024-02-29T00:00:00.000"],
  ];
  for (const [text, ut, iso] of forms) assert.equal(mjdToIso(parseUtc(text, ut)), iso, text);
});

Deno.test("parseUtc() refuses what is no time, and quotes it", () => {
  for (
    const text of ["", "yesterday", "2023-02-29", "2023-13-01", "2023-01-01T25:00:00", "T02:00"]
  ) {
    assert.throws(
      () => parseUtc(text),
      (error) => error instanceof DataError && error.message.includes(`"${text}"`),
      text,
    );
  }
});

Deno.test("nightOf() names a night by its evening, west and east", () => {
  const chile = -70.76;
  assert.equal(nightOf(isoToMjd("2024-04-23T23:30:00"), chile), "2024-04-23");
  assert.equal(nightOf(isoToMjd("2024-04-24T09:30:00"), chile), "2024-04-23");
  assert.equal(nightOf(isoToMjd("2024-04-23T10:00:00"), 127), "2024-04-23");
  assert.equal(nightOf(isoToMjd("2024-04-22T20:00:00"), 127), "2024-04-22");
});

Deno.test("localSiderealDeg() agrees with astropy within the difference of UTC and UT1", () => {
  for (const { mjd, lon, lst } of reference.airmass) {
    const apart = Math.abs((localSiderealDeg(mjd, lon) - lst + 540) % 360 - 180);
    assert.ok(apart < 0.004, `${apart}`);
  }
});

Deno.test("altitudeDeg() agrees with astropy's AltAz within 0.01 degrees", () => {
  for (const { lat, lon, height, mjd, ra, dec, alt } of reference.airmass) {
    const site = { latDeg: lat, lonDeg: lon, heightM: height };
    const apart = Math.abs(altitudeDeg({ raDeg: ra, decDeg: dec }, mjd, site) - alt);
    assert.ok(apart < 0.01, `${apart}`);
  }
});

Deno.test("airmass() is within 1 % of astropy's secant above 20 degrees, 0.4 % above 30, NaN below the horizon", () => {
  for (const { lat, lon, height, mjd, ra, dec, alt, secz } of reference.airmass) {
    const value = airmass(ra, dec, mjd, { latDeg: lat, lonDeg: lon, heightM: height });
    if (alt < -0.01) assert.ok(Number.isNaN(value));
    else if (alt > 20) {
      assert.ok(Math.abs(value / secz - 1) < (alt > 30 ? 0.004 : 0.01), `${value}`);
    } else if (alt > 0.01) assert.ok(value > 2.8 && value < 39, `${value} at ${alt}`);
  }
});
