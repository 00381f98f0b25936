/**
 * The outside programs that gppy can use: their names, what they are for, and how to get them.
 *
 * @module
 */

/** An outside program. */
export interface Program {
  /** Names of the executable, the preferred one first. */
  readonly names: readonly string[];
  /** What gppy does with it. */
  readonly purpose: string;
  /** How to get it, as the end of a sentence. */
  readonly install: string;
  /** Arguments that make it print its version. */
  readonly versionArgs: readonly string[];
  /** Finds the version in what it prints, as the first group. */
  readonly versionPattern: RegExp;
  /** Whether gppy works without it. */
  readonly optional: boolean;
}

const ASTROMATIC_VERSION = /version\s+([0-9][\w.]*)/i;

/** Every outside program, by the key that the wrappers use. */
export const PROGRAMS = {
  sextractor: {
    names: ["source-extractor", "sex", "sextractor"],
    purpose: "finds and measures sources",
    install: "install the Debian package `source-extractor`",
    versionArgs: ["--version"],
    versionPattern: ASTROMATIC_VERSION,
    optional: false,
  },
  scamp: {
    names: ["scamp"],
    purpose: "solves the astrometry",
    install: "install the Debian package `scamp`",
    versionArgs: ["--version"],
    versionPattern: ASTROMATIC_VERSION,
    optional: false,
  },
  missfits: {
    names: ["missfits"],
    purpose: "merges SCAMP's header into the image (gppy can do it itself)",
    install: "install the Debian package `missfits`",
    versionArgs: ["--version"],
    versionPattern: ASTROMATIC_VERSION,
    optional: true,
  },
  swarp: {
    names: ["SWarp", "swarp"],
    purpose: "resamples and stacks (gppy can do it itself)",
    install: "install the Debian package `swarp`",
    versionArgs: ["--version"],
    versionPattern: ASTROMATIC_VERSION,
    optional: true,
  },
  hotpants: {
    names: ["hotpants"],
    purpose: "subtracts the reference (gppy can do it itself)",
    install: "build it from https://github.com/acbecker/hotpants and put it on PATH",
    versionArgs: [],
    versionPattern: /version\s+([0-9][\w.]*)/i,
    optional: true,
  },
  imhead: {
    names: ["imhead"],
    purpose: "prints headers (gppy can do it itself)",
    install: "install the Debian package `wcstools`",
    versionArgs: [],
    versionPattern: /WCSTools\s+([0-9][\w.]*)/i,
    optional: true,
  },
  solveField: {
    names: ["solve-field"],
    purpose: "finds the pointing of a frame whose header does not say it",
    install: "install the Debian packages `astrometry.net` and an index such as " +
      "`astrometry-data-tycho2`",
    versionArgs: ["--version"],
    versionPattern: /([0-9]+\.[0-9]+\S*)/,
    optional: true,
  },
  fpack: {
    names: ["fpack"],
    purpose: "packs products that are asked for compressed",
    install: "install the Debian package `libcfitsio-bin`",
    versionArgs: ["-V"],
    versionPattern: /CFITSIO version\s+([0-9][\w.]*)/i,
    optional: true,
  },
} as const satisfies Record<string, Program>;

/** The key of an outside program. */
export type ProgramKey = keyof typeof PROGRAMS;

/**
 * Looks up what is known of a program.
 *
 * @param name Any name of its executable.
 * @returns The entry, or nothing when gppy does not know the program.
 */
export function programNamed(name: string): Program | undefined {
  return Object.values<Program>(PROGRAMS).find((program) => program.names.includes(name));
}
