/**
 * The table of `bench_subtract`.
 *
 * @module
 */

import * as z from "zod";

const number = z.number().nullable();
const bin = z.object({ n: z.int(), mean: number, rms: number });
const bins = <T extends z.ZodType>(of: T) => z.object({ "20-50": of, "50-200": of, "200-500": of });
const complete = z.object({ "5": number, "7": number, "10": number });
const side = z.object({
  spread: number,
  mean: number,
  block: number,
  masked: number,
  noise: number,
  noise_on_sources: number,
  seam: number,
  score: z.object({ spread: number, complete, false: z.int() }).nullable(),
  stars: bins(bin),
  cores: bins(number),
  complete,
  injected: z.int(),
  false: z.int(),
  false_beside_bright: z.int(),
  negative: z.int(),
  flux: number,
  flux_pull: number,
});

/** What `scripts/peers/judge_difference.py` prints: the engine, its difference, and the ideal one. */
export const judgement = z.object({ engine: z.string(), made: side, ideal: side });

/** What `scripts/peers/judge_difference.py` prints. */
export type Figures = z.output<typeof judgement>;

const NAMES = ["20-50", "50-200", "200-500"] as const;

/** The first two lines of the table of one engine beside the ideal difference. */
export const TABLE_HEAD: readonly string[] = [
  `| pair | | spread | blocks | stars ${
    NAMES.join(" | ")
  } | cores | complete | false (near bright) | ` +
  "negative | noise | flux | seam | masked |",
  `|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|`,
];

/** The first two lines of the table of several engines. */
export const ENGINES_HEAD: readonly string[] = [
  "| pair | engine | spread | blocks | stars 50-200 | 200-500 | complete | false (near bright) | noise | " +
  "flux | masked | score: spread | complete | false |",
  `|---|---|---|---|---|---|---|---|---|---|---|---|---|---|`,
];

const fixed = (value: number | null, digits: number) =>
  value === null ? "–" : value.toFixed(digits);

type Side = Figures["made"];

const starsOf = (one: Side, name: (typeof NAMES)[number]) => {
  const { mean, rms } = one.stars[name];
  return `${mean !== null && mean >= 0 ? "+" : ""}${fixed(mean, 2)} ± ${fixed(rms, 2)}`;
};
const completeOf = (complete: Side["complete"]) =>
  (["5", "7", "10"] as const).map((key) => fixed(complete[key], 3)).join(" / ");
const falseOf = (one: Side) => `${one.false} (${one.false_beside_bright})`;
const noiseOf = (one: Side) =>
  one.noise === null ? "–" : `${fixed(one.noise, 3)} / ${fixed(one.noise_on_sources, 3)}`;
const maskedOf = (one: Side) => `${(100 * (one.masked ?? 0)).toFixed(1)} %`;

/**
 * Two lines of the table: the difference and the ideal one.
 *
 * @param title What the pair is.
 * @param figures What was measured.
 * @returns Lines in Markdown.
 */
export function rowOf(title: string, figures: Figures): string[] {
  return (["made", "ideal"] as const).map((name) => {
    const one = figures[name];
    const cells = [
      ...(name === "made" ? [title, figures.engine] : [`${one.injected} injected`, name]),
      ...[fixed(one.spread, 3), fixed(one.block, 2)],
      ...NAMES.map((key) => starsOf(one, key)),
      NAMES.map((key) => fixed(one.cores[key], 2)).join(" / "),
      ...[completeOf(one.complete), falseOf(one), String(one.negative), noiseOf(one)],
      ...[fixed(one.flux, 4), fixed(one.seam, 2), maskedOf(one)],
    ];
    return `| ${cells.join(" | ")} |`;
  });
}

/**
 * A line for each engine, and one for the ideal difference.
 *
 * @param title What the pair is.
 * @param all What was measured of each engine.
 * @returns Lines in Markdown.
 */
export function engineRows(title: string, all: readonly Figures[]): string[] {
  const ideal = all.slice(0, 1).map(({ ideal }) => ({ engine: "ideal", one: ideal }));
  const made = all.map(({ engine, made }) => ({ engine, one: made }));
  return [...made, ...ideal].map(({ engine, one }, k) => {
    const { score } = one;
    const cells = [
      ...[k === 0 ? title : "", engine, fixed(one.spread, 3), fixed(one.block, 2)],
      ...[starsOf(one, "50-200"), starsOf(one, "200-500"), completeOf(one.complete), falseOf(one)],
      ...[noiseOf(one), fixed(one.flux, 4), maskedOf(one)],
      ...(score === null
        ? ["–", "–", "–"]
        : [fixed(score.spread, 3), completeOf(score.complete), String(score.false)]),
    ];
    return `| ${cells.join(" | ")} |`;
  });
}
