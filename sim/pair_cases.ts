/**
 * The pairs that subtraction is measured on.
 *
 * @module
 */

import type { PairPlan, PairSide } from "./pair.ts";
import type { PsfField } from "./profile.ts";

/** What sets each pair apart from the first. */
export const PAIR_CASES = {
  sharper: "reference sharper",
  equal: "equally sharp",
  blurrier: "reference blurrier",
  crowded: "six times the stars",
  bright: "bright and saturated stars",
  offset: "0.3 px beside each other",
  gradient: "skies with gradients",
  corner: "a corner without reference",
} as const;

/** Name of a pair. */
export type PairCase = keyof typeof PAIR_CASES;

const SATURATION_ADU = 60_000;

/**
 * The plan of a pair: PSFs of Moffat form whose width and ellipticity change over
 * the field by a tenth and in different ways; the reference is deeper.
 *
 * @param name Which pair.
 * @param width Columns, px.
 * @param height Rows, px.
 * @param seed Of all random numbers.
 * @returns The plan.
 */
export function pairPlan(name: PairCase, width: number, height: number, seed = 1): PairPlan {
  const [scienceFwhm, referenceFwhm] = name === "equal"
    ? [3.8, 3.8]
    : name === "blurrier"
    ? [3.4, 4.4]
    : [4.2, 3.2];
  const size = { width, height };
  const plan: PairPlan = {
    ...size,
    seed,
    science: scienceSide({ ...size, fwhmPx: scienceFwhm }),
    reference: referenceSide({ ...size, fwhmPx: referenceFwhm }),
    fluxRatio: 1.3,
    starsPerMpx: 1500,
    starSnr: [1.5, 2000],
    slope: 0.8,
    galaxiesPerMpx: 60,
    transientsPerMpx: 150,
    transientSnr: [3, 50],
    missingCornerPx: 0,
  };
  return { ...plan, ...changes(name, plan) };
}

function changes(name: PairCase, plan: PairPlan): Partial<PairPlan> {
  const { science, reference } = plan;
  switch (name) {
    case "crowded":
      return { starsPerMpx: 6 * plan.starsPerMpx };
    case "bright":
      return { starSnr: [1.5, 20_000], slope: 0.6 };
    case "offset":
      return { reference: { ...reference, shiftPx: [0.24, -0.18] } };
    case "gradient":
      return {
        science: { ...science, skyGradientAdu: [60, -25, 40] },
        reference: { ...reference, skyGradientAdu: [-15, 10, -10] },
      };
    case "corner":
      return { missingCornerPx: Math.round(0.3 * Math.min(plan.width, plan.height)) };
    default:
      return {};
  }
}

type Seen = Pick<PsfField, "width" | "height" | "fwhmPx">;

function scienceSide(seen: Seen): PairSide {
  return {
    psf: {
      ...seen,
      growth: 0.1,
      tilt: [0.03, -0.02],
      ellipticity: [0.04, 0.02],
      radialEllipticity: 0.06,
    },
    gainEAdu: 2,
    readNoiseAdu: 3,
    skyAdu: 200,
    skyGradientAdu: [0, 0, 0],
    saturationAdu: SATURATION_ADU,
    shiftPx: [0, 0],
  };
}

function referenceSide(seen: Seen): PairSide {
  return {
    psf: {
      ...seen,
      growth: 0.05,
      tilt: [-0.02, 0.03],
      ellipticity: [-0.02, 0.03],
      radialEllipticity: -0.03,
    },
    gainEAdu: 8,
    readNoiseAdu: 1.5,
    skyAdu: 130,
    skyGradientAdu: [0, 0, 0],
    saturationAdu: SATURATION_ADU,
    shiftPx: [0, 0],
  };
}
