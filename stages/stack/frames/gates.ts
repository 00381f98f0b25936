/**
 * Which frames are good enough to go into a stack.
 *
 * @module
 */

import type { Gate, Product } from "../../manifest.ts";

/** Limits; null: none. What was not measured passes. */
export interface InputLimits {
  /** Largest seeing. */
  readonly maxSeeingArcsec: number | null;
  /** Largest seeing over that of the sharpest input. */
  readonly maxSeeingRatio: number | null;
  /** Largest median ellipticity of the stars. */
  readonly maxEllipticity: number | null;
  /** Shallowest depth at 5 sigma, mag. */
  readonly minDepthMag: number | null;
  /** Largest distance from the deepest input, mag. */
  readonly maxDepthLossMag: number | null;
  /** Largest residual of the astrometry. */
  readonly maxRmsArcsec: number | null;
  /** Smallest transparency: flux of a star in a second over that in the clearest input. */
  readonly minTransparency: number | null;
}

/** An input that was left out. */
export interface LeftOut {
  readonly product: Product;
  /** What it failed. */
  readonly gate: Gate;
  /** In words. */
  readonly reason: string;
}

/** Inputs after the gates. */
export interface Judged {
  readonly kept: readonly Product[];
  readonly left: readonly LeftOut[];
}

/**
 * A number that was measured on a product.
 *
 * @param product The product.
 * @param key Its name.
 * @returns The value; undefined when it was not measured.
 */
export function measuredNumber(product: Product, key: string): number | undefined {
  const value = product.measured[key];
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

interface Rule {
  readonly name: string;
  readonly value: (product: Product) => number | undefined;
  readonly limit: number | null;
  /** 1 where large values are bad, −1 where small ones are. */
  readonly sign: 1 | -1;
  readonly unit: string;
}

/**
 * Judges inputs by their measured quantities.
 *
 * @param products Frames or stacks of one object and filter.
 * @param limits Thresholds; those relative to the best input look at `products` alone.
 * @returns The inputs that passed, in their order, and the others with the first gate each failed.
 */
export function judgeInputs(products: readonly Product[], limits: InputLimits): Judged {
  const rules = rulesFor(products, limits);
  const kept: Product[] = [];
  const left: LeftOut[] = [];
  for (const product of products) {
    const failed = rules.map((rule) => judge(product, rule)).find((one) => one !== undefined);
    if (failed === undefined) kept.push(product);
    else left.push(failed);
  }
  return { kept, left };
}

function rulesFor(products: readonly Product[], limits: InputLimits): Rule[] {
  const measured = (key: string) => (product: Product) => measuredNumber(product, key);
  const seeing = measured("seeingArcsec");
  const depth = measured("depth5");
  const best = (values: readonly (number | undefined)[], choose: (...all: number[]) => number) =>
    choose(...values.filter((value) => value !== undefined));
  const sharpest = best(products.map(seeing), Math.min);
  const deepest = best(products.map(depth), Math.max);
  const clearest = best(products.map(rateMag), Math.max);
  const relative = (value: number | undefined, limit: number | null) =>
    limit === null || value === undefined ? null : limit;
  return [
    { name: "seeing", value: seeing, limit: limits.maxSeeingArcsec, sign: 1, unit: " arcsec" },
    {
      name: "seeing over the sharpest",
      value: (product) => ratio(seeing(product), sharpest),
      limit: relative(sharpest, limits.maxSeeingRatio),
      sign: 1,
      unit: "",
    },
    {
      name: "ellipticity",
      value: measured("ellipticity"),
      limit: limits.maxEllipticity,
      sign: 1,
      unit: "",
    },
    { name: "depth", value: depth, limit: limits.minDepthMag, sign: -1, unit: " mag" },
    {
      name: "depth below the deepest",
      value: (product) => minus(deepest, depth(product)),
      limit: limits.maxDepthLossMag,
      sign: 1,
      unit: " mag",
    },
    {
      name: "astrometric rms",
      value: measured("astromRmsArcsec"),
      limit: limits.maxRmsArcsec,
      sign: 1,
      unit: " arcsec",
    },
    {
      name: "transparency",
      value: (product) => transparency(rateMag(product), clearest),
      limit: limits.minTransparency,
      sign: -1,
      unit: "",
    },
  ];
}

/** Zero point for one second of exposure, mag. */
function rateMag(product: Product): number | undefined {
  const zeroPoint = measuredNumber(product, "zeroPoint");
  const { exposureS } = product;
  if (zeroPoint === undefined || exposureS === undefined || !(exposureS > 0)) return undefined;
  return zeroPoint - 2.5 * Math.log10(exposureS);
}

function transparency(mag: number | undefined, clearest: number): number | undefined {
  return mag === undefined ? undefined : 10 ** (0.4 * (mag - clearest));
}

function ratio(value: number | undefined, best: number): number | undefined {
  return value === undefined ? undefined : value / best;
}

function minus(best: number, value: number | undefined): number | undefined {
  return value === undefined ? undefined : best - value;
}

function judge(product: Product, rule: Rule): LeftOut | undefined {
  const { limit, sign, unit, name } = rule;
  const value = rule.value(product);
  if (limit === null || value === undefined || sign * value <= sign * limit) return undefined;
  const threshold = `${sign > 0 ? "<=" : ">="} ${limit}${unit}`;
  return {
    product,
    gate: { name, value, threshold, verdict: "fail" },
    reason: `${name} ${Number(value.toPrecision(3))}, needed ${threshold}`,
  };
}
