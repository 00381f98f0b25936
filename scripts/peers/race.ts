/**
 * Runs programs in turns, A B C, A B C, and tells what they took.
 *
 * @module
 */

import { note } from "../../cli/terminal.ts";

/** What a run of a whole process took. */
export interface Figures {
  readonly wallS: number;
  /** User and system time of the process and its children. */
  readonly cpuS: number;
  /** Largest resident memory. */
  readonly peakMb: number;
}

/** A program in a race. */
export interface Racer {
  readonly name: string;
  readonly command: readonly string[];
  /** Whether it runs in the first rounds alone. */
  readonly slow?: boolean;
  /** Folder to run in; the present one if left out. */
  readonly cwd?: string;
}

/** How a race is run. */
export interface RaceOptions {
  readonly rounds: number;
  /** Rounds of slow programs. */
  readonly slowRounds: number;
  /** Makes room for the outputs before every run. */
  readonly clear: () => Promise<void>;
  /** Files that are read before every run: the last program may have driven them from memory. */
  readonly inputs: readonly string[];
  /** Looks at the outputs of a program's first run. */
  readonly inspect?: (name: string) => Promise<void>;
}

/** Medians over the runs of a program. */
export interface Result extends Figures {
  readonly name: string;
  readonly runs: number;
  readonly fastestS: number;
  readonly slowestS: number;
}

/**
 * Runs a program to its end.
 *
 * @throws {Error} With the end of what it wrote if it fails.
 */
export async function measure({ command, cwd }: Racer): Promise<Figures> {
  const { success, stderr } = await new Deno.Command("/usr/bin/time", {
    args: ["-f", "TIME %e %U %S %M", ...command],
    stdout: "null",
    ...(cwd === undefined ? {} : { cwd }),
  }).output();
  const text = new TextDecoder().decode(stderr);
  const match = /TIME (\S+) (\S+) (\S+) (\d+)/.exec(text);
  if (!success || !match) throw new Error(`${command.join(" ")}: ${text.slice(-800)}`);
  const [wallS = 0, userS = 0, systemS = 0, kib = 0] = match.slice(1).map(Number);
  return { wallS, cpuS: userS + systemS, peakMb: kib * 1024 / 1e6 };
}

/**
 * Runs all programs in turns, so that a machine that slows down slows all of them.
 *
 * Before every run old outputs are removed, what waits for the disk is written, and the inputs are
 * brought into the page cache.
 */
export async function race(racers: readonly Racer[], options: RaceOptions): Promise<Result[]> {
  const runs = new Map<string, Figures[]>(racers.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const racer of racers) {
      if (racer.slow && round >= options.slowRounds) continue;
      await options.clear();
      await new Deno.Command("sync").output();
      await new Deno.Command("cat", { args: [...options.inputs], stdout: "null" }).output();
      const figures = await measure(racer);
      runs.get(racer.name)!.push(figures);
      note(`  ${racer.name}: ${figures.wallS} s, ${figures.cpuS.toFixed(2)} CPU s`);
      if (round === 0) await options.inspect?.(racer.name);
    }
  }
  return racers.map(({ name }) => summarize(name, runs.get(name)!));
}

function summarize(name: string, runs: readonly Figures[]): Result {
  const of = (key: keyof Figures) => runs.map((run) => run[key]);
  const walls = of("wallS");
  return {
    name,
    runs: runs.length,
    ...{ wallS: median(walls), cpuS: median(of("cpuS")), peakMb: median(of("peakMb")) },
    ...{ fastestS: Math.min(...walls), slowestS: Math.max(...walls) },
  };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/**
 * A table in Markdown, the first program compared with the others.
 *
 * @param results The first is what the others are compared with.
 * @param bytes What one run reads and writes.
 */
export function tableOf(results: readonly Result[], bytes: number): string[] {
  const head = ["wall s", "range", "CPU s", "peak MB", "GB/s", "runs", "gppy is faster by"];
  const first = results[0]!;
  return [
    `| program | ${head.join(" | ")} |`,
    `|---|${"---|".repeat(head.length)}`,
    ...results.map((result) => {
      const { name, wallS, cpuS, peakMb, runs, fastestS, slowestS } = result;
      const cells = [
        wallS.toFixed(2),
        `${fastestS.toFixed(2)}–${slowestS.toFixed(2)}`,
        cpuS.toFixed(2),
        peakMb.toFixed(0),
        (bytes / wallS / 1e9).toFixed(2),
        runs,
        result === first ? "1" : (wallS / first.wallS).toFixed(1),
      ];
      return `| ${name} | ${cells.join(" | ")} |`;
    }),
  ];
}
