/**
 * The options of HOTPANTS by the names of what they mean; the letters of the
 * program's command line stand in {@linkcode FLAGS} alone.
 *
 * @module
 */

/** One Gaussian of the kernel basis: its width and the order of its polynomial. */
export interface KernelGaussian {
  /** Order of the polynomial that multiplies it. */
  readonly degree: number;
  /** Width, px. */
  readonly sigmaPx: number;
}

/** The options of HOTPANTS; what is left out keeps the program's default. */
export interface HotpantsOptions {
  /** Which image is convolved: `t` the template, `i` the science image; HOTPANTS chooses if left out. */
  readonly convolve?: "t" | "i";
  /** Whose photometric scale the difference gets: template, science image, or unconvolved. */
  readonly normalize?: "t" | "i" | "u";
  /** Upper limit of valid data of the template, ADU. */
  readonly templateUpperAdu?: number;
  /** Upper limit of the template for kernel stamps, ADU. */
  readonly templateKernelUpperAdu?: number;
  /** Lower limit of valid data of the template, ADU. */
  readonly templateLowerAdu?: number;
  /** Gain of the template, electrons an ADU. */
  readonly templateGain?: number;
  /** Read noise of the template, electrons. */
  readonly templateReadNoiseE?: number;
  /** Pedestal of the template, ADU. */
  readonly templatePedestalAdu?: number;
  /** Upper limit of valid data of the science image, ADU. */
  readonly scienceUpperAdu?: number;
  /** Upper limit of the science image for kernel stamps, ADU. */
  readonly scienceKernelUpperAdu?: number;
  /** Lower limit of valid data of the science image, ADU. */
  readonly scienceLowerAdu?: number;
  /** Gain of the science image, electrons an ADU. */
  readonly scienceGain?: number;
  /** Read noise of the science image, electrons. */
  readonly scienceReadNoiseE?: number;
  /** Pedestal of the science image, ADU. */
  readonly sciencePedestalAdu?: number;
  /** Regions along x, each with a kernel of its own. */
  readonly regionsX?: number;
  /** Regions along y. */
  readonly regionsY?: number;
  /** Stamps along x in each region. */
  readonly stampsX?: number;
  /** Stamps along y in each region. */
  readonly stampsY?: number;
  /** Substamps in each stamp. */
  readonly substamps?: number;
  /** Whether HOTPANTS looks for more substamps itself when it is given some: 1, or 0 for no. */
  readonly findSubstamps?: 0 | 1;
  /** Half width of the kernel, px. */
  readonly kernelRadiusPx?: number;
  /** Side of the squares over which the kernel is held constant, px. */
  readonly kernelStepPx?: number;
  /** Half width of a substamp, px. */
  readonly substampRadiusPx?: number;
  /** Order of the kernel's variation over a region. */
  readonly kernelOrder?: number;
  /** Order of the background's variation over a region. */
  readonly backgroundOrder?: number;
  /** Kernel basis. */
  readonly gaussians?: readonly KernelGaussian[];
  /** Significance from which a pixel may be the centre of a substamp. */
  readonly fitThreshold?: number;
  /** Factor on that threshold when too few stamps are filled, once. */
  readonly fitThresholdScale?: number;
  /** Part of the stamps that must be filled. */
  readonly filledStamps?: number;
  /** Stamps this far from the mean kernel are dropped, sigma. */
  readonly badKernelSigma?: number;
  /** Threshold for statistics, sigma. */
  readonly statSigma?: number;
  /** Part of the kernel's sum that must lie on good pixels. */
  readonly kernelMaskFraction?: number;
  /** Scale the noise of pixels near masked ones so that it fits their scatter. */
  readonly rescaleNoise?: boolean;
  /** Convolve the variance as the image is, not with the kernel's square. */
  readonly convolveVariance?: boolean;
  /** Factor by which the half width of the kernel grows masks of the input. */
  readonly inputMaskSpread?: number;
  /** The same for the mask of the difference. */
  readonly outputMaskSpread?: number;
  /** Value of masked pixels in the difference. */
  readonly fillAdu?: number;
  /** Value of masked pixels in the noise image. */
  readonly noiseFillAdu?: number;
  /** Append a table with the kernel to the difference. */
  readonly kernelTable?: boolean;
  /** Figure of merit by which the direction is chosen. */
  readonly figureOfMerit?: "v" | "s" | "h";
  /** Force the same direction for all regions. */
  readonly sameDirection?: boolean;
  /** Rectangle to work on, 1-based: x from, x to, y from, y to. */
  readonly goodRegion?: readonly [number, number, number, number];
  /** What it prints: 0 nothing, 2 all. */
  readonly verbosity?: 0 | 1 | 2;
}

/** The letters of each option, in the order of the command line. */
const FLAGS: readonly (readonly [keyof HotpantsOptions, string])[] = [
  ["convolve", "-c"],
  ["normalize", "-n"],
  ["templateUpperAdu", "-tu"],
  ["templateKernelUpperAdu", "-tuk"],
  ["templateLowerAdu", "-tl"],
  ["templateGain", "-tg"],
  ["templateReadNoiseE", "-tr"],
  ["templatePedestalAdu", "-tp"],
  ["scienceUpperAdu", "-iu"],
  ["scienceKernelUpperAdu", "-iuk"],
  ["scienceLowerAdu", "-il"],
  ["scienceGain", "-ig"],
  ["scienceReadNoiseE", "-ir"],
  ["sciencePedestalAdu", "-ip"],
  ["regionsX", "-nrx"],
  ["regionsY", "-nry"],
  ["stampsX", "-nsx"],
  ["stampsY", "-nsy"],
  ["substamps", "-nss"],
  ["findSubstamps", "-afssc"],
  ["kernelRadiusPx", "-r"],
  ["kernelStepPx", "-kcs"],
  ["substampRadiusPx", "-rss"],
  ["kernelOrder", "-ko"],
  ["backgroundOrder", "-bgo"],
  ["gaussians", "-ng"],
  ["fitThreshold", "-ft"],
  ["fitThresholdScale", "-sft"],
  ["filledStamps", "-nft"],
  ["badKernelSigma", "-ks"],
  ["statSigma", "-ssig"],
  ["kernelMaskFraction", "-kfm"],
  ["rescaleNoise", "-okn"],
  ["convolveVariance", "-convvar"],
  ["inputMaskSpread", "-mins"],
  ["outputMaskSpread", "-mous"],
  ["fillAdu", "-fi"],
  ["noiseFillAdu", "-fin"],
  ["kernelTable", "-hki"],
  ["figureOfMerit", "-fom"],
  ["sameDirection", "-sconv"],
  ["goodRegion", "-gd"],
  ["verbosity", "-v"],
];

/**
 * Writes options as HOTPANTS takes them.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const args = hotpantsArgs({ convolve: "t", gaussians: [{ degree: 6, sigmaPx: 0.7 }] });
 * assert.deepEqual(args, ["-c", "t", "-ng", "1", "6", "0.7"]);
 * ```
 *
 * @param options The options.
 * @returns The arguments, in a fixed order.
 */
export function hotpantsArgs(options: HotpantsOptions): string[] {
  return FLAGS.flatMap(([key, flag]) => {
    const value = options[key];
    if (value === undefined || value === false) return [];
    if (value === true) return [flag];
    if (key === "gaussians" && options.gaussians !== undefined) {
      const terms = options.gaussians.flatMap(({ degree, sigmaPx }) => [degree, sigmaPx]);
      return [flag, String(options.gaussians.length), ...terms.map(String)];
    }
    if (Array.isArray(value)) return [flag, ...value.map(String)];
    return [flag, String(value)];
  });
}
