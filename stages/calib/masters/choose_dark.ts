/**
 * Chooses the dark of a frame: by exposure, then temperature, then date.
 *
 * @module
 */

import type { Master } from "./master.ts";

/** What a dark is wanted for. */
export interface DarkWish {
  readonly exposureS: number;
  readonly temperatureC: number | undefined;
  /** `YYYYMMDD`. */
  readonly night: string;
}

/** Darks beyond these are taken only when there is no other. */
export interface DarkLimits {
  /** Difference of temperatures, °C. */
  readonly darkTemperatureC: number;
  /** Nights between dark and frame. */
  readonly darkMaxAge: number;
}

/** How a dark suits a frame. */
export interface DarkFit {
  readonly dark: Master;
  /** Exposure of the frame over that of the dark. */
  readonly scale: number;
  /** Frame minus dark; null where either is not known. */
  readonly temperatureDiffC: number | null;
  /** Nights from the dark to the frame. */
  readonly ageNights: number;
  /** Whether temperature and age are within the limits. */
  readonly withinLimits: boolean;
}

/**
 * The dark that suits a frame best.
 *
 * Among those within the limits, the one with the nearest exposure (by ratio; scaling
 * down is preferred to scaling up, for its lower noise), of these the one with the nearest
 * temperature (to half a degree), of these the latest. Darks outside the limits come last.
 *
 * @param darks Masters; those without a positive exposure cannot be scaled and are not taken.
 * @param wish Exposure, temperature and night of the frame.
 * @param limits What is too warm, too cold and too old.
 * @returns The best one and how it suits, or undefined.
 */
export function chooseDark(
  darks: readonly Master[],
  wish: DarkWish,
  limits: DarkLimits,
): DarkFit | undefined {
  return darks.filter((dark) => dark.exposureS > 0)
    .map((dark) => fitOf(dark, wish, limits))
    .sort((a, b) => compare(costs(a), costs(b)))[0];
}

function fitOf(dark: Master, wish: DarkWish, limits: DarkLimits): DarkFit {
  const both = dark.temperatureC !== undefined && wish.temperatureC !== undefined;
  const temperatureDiffC = both ? wish.temperatureC! - dark.temperatureC! : null;
  const ageNights = nightsBetween(dark.night, wish.night);
  return {
    dark,
    scale: Math.max(0, wish.exposureS) / dark.exposureS,
    temperatureDiffC,
    ageNights,
    withinLimits: Math.abs(temperatureDiffC ?? 0) <= limits.darkTemperatureC &&
      ageNights <= limits.darkMaxAge,
  };
}

/** Compared one after the other; the least wins. */
function costs(fit: DarkFit): number[] {
  const ratio = fit.scale > 1 ? fit.scale * (1 + 1e-9) : 1 / Math.max(fit.scale, 1e-9);
  return [
    fit.withinLimits ? 0 : 1,
    Math.round(Math.log(ratio) * 100), // to 1 %
    fit.scale > 1.01 ? 1 : 0,
    Math.round(2 * Math.abs(fit.temperatureDiffC ?? 0)),
    fit.ageNights,
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** Nights from one `YYYYMMDD` to another, never negative. */
export function nightsBetween(from: string, to: string): number {
  const day = (night: string) =>
    Date.UTC(+night.slice(0, 4), +night.slice(4, 6) - 1, +night.slice(6, 8)) / 86_400_000;
  return Math.max(0, day(to) - day(from));
}
