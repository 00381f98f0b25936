import assert from "node:assert/strict";
import { DataError } from "../../config/errors.ts";
import { normal, uniform } from "./_synthetic_sky.ts";
import { halfSampleMode, measureSeeing, type SourceShapes } from "./seeing.ts";

const OPTIONS = { minSnr: 20, saturationAdu: 50_000 };

interface Source {
  fwhm: number;
  ellipticity?: number;
  snr?: number;
  peak?: number;
  flags?: number;
  mask?: number;
}

function shapes(sources: readonly Source[]): SourceShapes {
  const take = (value: (source: Source) => number): number[] => sources.map(value);
  const ellipticity = take((s) => s.ellipticity ?? 0.05);
  return {
    ellipticity,
    fwhmPx: take((s) => s.fwhm),
    elongation: ellipticity.map((e) => 1 / (1 - e)),
    snr: take((s) => s.snr ?? 100),
    peakAdu: take((s) => s.peak ?? 1000),
    backgroundAdu: take(() => 300),
    fluxAdu: take((s) => s.peak === undefined ? 15_000 : s.peak * 15),
    flags: take((s) => s.flags ?? 0),
    maskFlags: take((s) => s.mask ?? 0),
  };
}

function stars(count: number, fwhm: number, ellipticity = 0.05): Source[] {
  const gauss = normal(uniform(7));
  return Array.from({ length: count }, () => ({
    fwhm: fwhm + 0.08 * gauss(),
    ellipticity: Math.max(0, ellipticity + 0.02 * gauss()),
  }));
}

Deno.test("the seeing is the width of the stars, not that of galaxies or single hit pixels", () => {
  const galaxies = Array.from({ length: 30 }, (_, i) => ({ fwhm: 6 + i / 5 }));
  const hits: Source[] = Array.from({ length: 30 }, () => ({ fwhm: 1.2 }));
  const all = shapes([...stars(60, 4), ...galaxies, ...hits]);
  const flux = Array.from(all.fluxAdu).map((value, i) => i < 90 ? value : 2000);
  const seeing = measureSeeing({ ...all, fluxAdu: flux }, OPTIONS);
  assert.ok(Math.abs(seeing.fwhmPx - 4) < 0.04, `FWHM ${seeing.fwhmPx}`);
});

Deno.test("saturated, masked, flagged and faint sources take no part in the seeing", () => {
  const bad: Source[] = Array.from({ length: 25 }, () => ({ fwhm: 9 })).flatMap((s) => [
    { ...s, peak: 60_000 },
    { ...s, mask: 1 },
    { ...s, flags: 4 },
    { ...s, snr: 5 },
  ]);
  const seeing = measureSeeing(shapes([...stars(20, 3.2), ...bad]), OPTIONS);
  assert.ok(Math.abs(seeing.fwhmPx - 3.2) < 0.08);
  assert.ok(seeing.stars.every((i) => i < 20));
});

Deno.test("a trailed image keeps its ellipticity instead of losing all its stars", () => {
  const seeing = measureSeeing(shapes(stars(40, 5, 0.45)), OPTIONS);
  assert.ok(Math.abs(seeing.ellipticity - 0.45) < 0.02);
  assert.ok(Math.abs(seeing.elongation - 1 / 0.55) < 0.1);
});

Deno.test("blended stars serve where there are too few clean ones", () => {
  const crowded = stars(30, 4).map((star) => ({ ...star, flags: 3 }));
  assert.equal(measureSeeing(shapes(crowded), OPTIONS).fwhmPx > 3.8, true);
});

Deno.test("an image without stars gives a DataError with the counts", () => {
  assert.throws(() => measureSeeing(shapes([{ fwhm: 3 }]), OPTIONS), (error) => {
    assert.ok(error instanceof DataError);
    assert.equal(error.details["sources"], 1);
    return true;
  });
});

Deno.test("the half-sample mode is the densest place of a sample", () => {
  assert.equal(halfSampleMode([1, 2, 2.1, 2.15, 5, 9, 14]), (2.1 + 2.15) / 2);
  assert.equal(halfSampleMode([3]), 3);
  assert.ok(Number.isNaN(halfSampleMode([])));
});
