import assert from "node:assert/strict";
import * as z from "zod";
import { UsageError } from "../config/errors.ts";
import { describeParameters, kebabCase, resolveParameters } from "./parameters.ts";

const owner = {
  name: "blend",
  params: z.object({
    clipSigma: z.number().positive().default(3).describe("Reject farther").meta({ unit: "sigma" }),
    minFrames: z.int().min(2).default(2).describe("At least"),
    method: z.enum(["median", "mean"]).default("median").describe("How"),
    keep: z.boolean().default(false).describe("Keep"),
    reference: z.string().nullable().default(null).describe("File"),
    radiiPx: z.array(z.number()).default([1, 2]).describe("Radii"),
  }),
};

Deno.test("describeParameters() tells names, types, units and defaults", () => {
  const [clip, , method, , reference, radii] = describeParameters(owner);
  assert.equal(clip?.flag, "clip-sigma");
  assert.equal(clip?.environment, "GPPY_BLEND_CLIP_SIGMA");
  assert.equal(clip?.unit, "sigma");
  assert.equal(clip?.default, 3);
  assert.deepEqual(method?.choices, ["median", "mean"]);
  assert.equal(reference?.nullable, true);
  assert.equal(radii?.type, "array");
  assert.equal(radii?.itemType, "number");
});

Deno.test("A variable that looks like a parameter but is none is refused", () => {
  assert.throws(
    () => resolveParameters(owner, { environment: { GPPY_BLEND_CLIP: "4" } }),
    /^UsageError: Cannot take GPPY_BLEND_CLIP from the environment: blend has no such parameter/,
  );
  resolveParameters(owner, { environment: { GPPY_BLENDER_X: "4", GPPY_CONFIG: "x" } });
});

Deno.test("A flag beats the environment, which beats the file, which beats the default", () => {
  const environment = { GPPY_BLEND_CLIP_SIGMA: "4", GPPY_BLEND_MIN_FRAMES: "5" };
  const config = { clipSigma: 6, minFrames: 7, method: "mean" };
  const { values, record } = resolveParameters(owner, {
    flags: { clipSigma: "2.5" },
    environment,
    config,
  });
  assert.deepEqual(values, {
    clipSigma: 2.5,
    minFrames: 5,
    method: "mean",
    keep: false,
    reference: null,
    radiiPx: [1, 2],
  });
  const sources = Object.fromEntries(Object.entries(record).map(([k, v]) => [k, v.source]));
  assert.deepEqual(sources, {
    clipSigma: "flag",
    minFrames: "environment",
    method: "config",
    keep: "default",
    reference: "default",
    radiiPx: "default",
  });
});

Deno.test("Texts become booleans, lists and null", () => {
  const { values } = resolveParameters(owner, {
    environment: {
      GPPY_BLEND_KEEP: "yes",
      GPPY_BLEND_REFERENCE: "none",
      GPPY_BLEND_RADII_PX: "3,4.5",
    },
  });
  assert.equal(values.keep, true);
  assert.equal(values.reference, null);
  assert.deepEqual(values.radiiPx, [3, 4.5]);
});

Deno.test("A wrong value is refused with the name of the place it came from", () => {
  const cases: [Parameters<typeof resolveParameters>[1], RegExp][] = [
    [{ flags: { clipSigma: "x" } }, /"x" for --clip-sigma: not a number/],
    [{ flags: { clipSigma: "-1" } }, /--clip-sigma: .*0/],
    [{ environment: { GPPY_BLEND_MIN_FRAMES: "1" } }, /GPPY_BLEND_MIN_FRAMES: .*2/],
    [{ config: { method: "mode" } }, /"method" in section \[blend\] of gppy\.toml/],
    [{ config: { clipsigma: 3 } }, /Cannot set "clipsigma" of blend \(gppy\.toml\)/],
    [{ flags: { radiiPx: "1,two" } }, /not a list of numbers/],
  ];
  for (const [sources, message] of cases) {
    assert.throws(
      () => resolveParameters(owner, sources),
      (error) => error instanceof UsageError && message.test(error.message),
      String(message),
    );
  }
});

Deno.test("kebabCase() writes runs of capitals as one word", () => {
  assert.equal(kebabCase("clipSigma"), "clip-sigma");
  assert.equal(kebabCase("fwhmPx"), "fwhm-px");
  assert.equal(kebabCase("degree"), "degree");
});
