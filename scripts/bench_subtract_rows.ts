/**
 * The table of `bench_subtract`.
 *
 * @module
 */

import { z } from "zod";

const number = z.number().nullable();
const bin = z.object({ n: z.int(), mean: number, rms: number });
const bins = <T extends z.ZodType>(of: T) => z.object({ "20-50": of, "50-200": of, "200-500": of });
const side = z.object({
  spread: number,
  mean: number,
  block: number,
  masked: number,
  noise: number,
  noise_on_sources: number,
  seam: number,
  stars: bins(bin),
  cores: bins(number),
  complete: z.object({ "5": number, "7": number, "10": number }),
  injected: z.int(),
  false: z.int(),
  false_beside_bright: z.int(),
  negative: z.int(),
  flux: number,
  flux_pull: number,
});

/** What `scripts/peers/judge_difference.py` prints. */
export const judgement = z.object({ native: side, ideal: side });

/** What `scripts/peers/judge_difference.py` prints. */
export type Figures = z.output<typeof judgement>;

const NAMES = ["20-50", "50-200", "200-500"] as const;

/** The first two lines of the table. */
export const TABLE_HEAD: readonly string[] = [
  `| pair | | spread | blocks | stars ${
    NAMES.join(" | ")
  } | cores | complete | false (near bright) | ` +
  "negative | noise | flux | seam | masked |",
  `|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|`,
];

const fixed = (value: number | null, digits: number) =>
  value === null ? "–" : value.toFixed(digits);

/**
 * Two lines of the table: the difference and the ideal one.
 *
 * @param title What the pair is.
 * @param figures What was measured.
 * @returns Lines in Markdown.
 */
export function rowOf(title: string, figures: Figures): string[] {
  return (["native", "ideal"] as const).map((name) => {
    const one = figures[name];
    const stars = NAMES.map((key) => {
      const { mean, rms } = one.stars[key];
      return `${mean !== null && mean >= 0 ? "+" : ""}${fixed(mean, 2)} ± ${fixed(rms, 2)}`;
    });
    const cells = [
      name === "native" ? title : `${one.injected} injected`,
      name,
      fixed(one.spread, 3),
      fixed(one.block, 2),
      ...stars,
      NAMES.map((key) => fixed(one.cores[key], 2)).join(" / "),
      (["5", "7", "10"] as const).map((key) => fixed(one.complete[key], 3)).join(" / "),
      `${one.false} (${one.false_beside_bright})`,
      String(one.negative),
      `${fixed(one.noise, 3)} / ${fixed(one.noise_on_sources, 3)}`,
      fixed(one.flux, 4),
      fixed(one.seam, 2),
      `${(100 * (one.masked ?? 0)).toFixed(1)} %`,
    ];
    return `| ${cells.join(" | ")} |`;
  });
}
