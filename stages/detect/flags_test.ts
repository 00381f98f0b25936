import assert from "node:assert/strict";
import type { Candidate } from "./candidate.ts";
import { FLAG_RULES, type FlagLimits, flagsOf, isTransient } from "./flags.ts";

const LIMITS: FlagLimits = {
  edgePx: 10,
  minSnr: 5,
  maxEllipticity: 0.6,
  maxElongation: 2.5,
  minFwhmRatio: 0.5,
  maxFwhmRatio: 2,
  negativeRadius: 1.5,
  maxDipoleRatio: 0.4,
  maxMaskedFraction: 0.1,
  minReferenceFraction: 0.9,
  maxApertureDifference: 0.4,
  minReferenceContrast: 0.03,
};

/** Wider than high, so that exchanged axes show. */
const IMAGE = { width: 300, height: 100, seeingPx: 4 };

const STAR: Candidate = {
  number: 1,
  sign: 1,
  x: 150,
  y: 50,
  raDeg: 10,
  decDeg: -30,
  fluxAdu: [1000, 600, 800, 950, 700, 900, 1000],
  fluxErrorAdu: [30, 20, 25, 30, 20, 30, 50],
  snr: 30,
  fwhmPx: 4.1,
  ellipticity: 0.1,
  elongation: 1.1,
  negativeDistancePx: Infinity,
  dipoleRatio: 0.05,
  maskedFraction: 0,
  referenceFraction: 1,
  referenceContrast: Infinity,
  apertureDifferenceMag: 0.02,
  apertureDifferenceErrorMag: 0.04,
};

function raised(change: Partial<Candidate>, image = IMAGE): string[] {
  const flags = flagsOf({ ...STAR, ...change }, LIMITS, image);
  return FLAG_RULES.filter((_, i) => flags[i]).map((rule) => rule.name);
}

Deno.test("a star on clean sky raises no flag and is a transient", () => {
  assert.deepEqual(raised({}), []);
  assert.ok(isTransient(flagsOf(STAR, LIMITS, IMAGE)));
});

for (
  const [where, place] of Object.entries({
    left: { x: 9, y: 50 },
    right: { x: 291, y: 50 },
    bottom: { x: 150, y: 9 },
    top: { x: 150, y: 91 },
  })
) {
  Deno.test(`the edge flag is raised at the ${where} edge of an image that is not square`, () => {
    assert.deepEqual(raised(place), ["edge"]);
  });
}

Deno.test("the edge flag leaves alone what is inside, beyond the height along x too", () => {
  assert.deepEqual(raised({ x: 289, y: 89 }), []);
  assert.deepEqual(raised({ x: 10, y: 10 }), []);
  assert.deepEqual(raised({ x: 50, y: 280 }, { width: 100, height: 300, seeingPx: 4 }), []);
});

const CASES: readonly (readonly [name: string, what: string, change: Partial<Candidate>])[] = [
  ["snr", "a faint bump", { snr: 4.9 }],
  ["snr", "a source without a noise", { snr: NaN }],
  ["shape", "an elliptic source", { ellipticity: 0.61 }],
  ["shape", "an elongated source", { elongation: 2.6 }],
  ["fwhm", "a single hit pixel", { fwhmPx: 1.9 }],
  ["fwhm", "a broad patch", { fwhmPx: 8.1 }],
  ["fwhm", "a source without a width", { fwhmPx: NaN }],
  ["negative", "a source beside a negative one", { negativeDistancePx: 5.9 }],
  ["dipole", "a star subtracted out of place", { dipoleRatio: 0.9 }],
  ["masked", "a source on masked pixels", { maskedFraction: 0.2 }],
  ["outside_reference", "a source where there is no reference", { referenceFraction: 0.5 }],
  ["magnitude_difference", "a ring", { apertureDifferenceMag: 0.9 }],
  ["magnitude_difference", "a core in a hole", { apertureDifferenceMag: -0.9 }],
  ["residual", "what is left of a bright star", { referenceContrast: 0.01 }],
];

for (const [name, what, change] of CASES) {
  Deno.test(`${what} raises the flag ${name} and no other`, () => {
    assert.deepEqual(raised(change), [name]);
    assert.ok(!isTransient(flagsOf({ ...STAR, ...change }, LIMITS, IMAGE)));
  });
}

Deno.test("a negative source far away, or an unknown aperture difference, raises no flag", () => {
  assert.deepEqual(raised({ negativeDistancePx: 6.1 }), []);
  assert.deepEqual(raised({ apertureDifferenceMag: NaN }), []);
});

Deno.test("the error of faint magnitudes is allowed for", () => {
  const difference = { apertureDifferenceMag: 0.9, apertureDifferenceErrorMag: 0.45 };
  assert.deepEqual(raised(difference), []);
});

Deno.test("the names of the flags are unique and fit a column", () => {
  const names = FLAG_RULES.map((rule) => rule.name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.every((name) => /^[a-z_]+$/.test(name)));
});
