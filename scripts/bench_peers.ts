/**
 * Times gppy against other programs on the same files in one run, in turns, and writes
 * medians, CPU seconds, peak memory and ratios to `docs/benchmarks.md`.
 *
 *   scripts/bench_peers [--folder DIR] [--runs 3] [--frames 9,21] [--write]
 *
 * @module
 */

import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { note, print } from "../cli/terminal.ts";
import { createImage } from "../fits/image.ts";

const WIDTH = 9576;
const HEIGHT = 6388;
const ROOT = join(import.meta.dirname ?? ".", "..");
const PYTHON = "/usr/bin/python3";

interface Figures {
  readonly wallS: number;
  readonly cpuS: number;
  readonly peakMiB: number;
}

interface Peer {
  readonly name: string;
  /** The command without output and inputs; undefined where it is not installed. */
  readonly command: readonly string[];
  readonly present: boolean;
}

const { values } = parseArgs({
  options: {
    folder: { type: "string", default: "/var/tmp/gppy-bench" },
    runs: { type: "string", default: "3" },
    frames: { type: "string", default: "9,21" },
    methods: { type: "string", default: "median,clipped-mean" },
    write: { type: "boolean", default: false },
  },
});

/** Bias-like frames: a level, noise of a few ADU, a gradient that differs from frame to frame. */
async function makeFrames(folder: string, count: number): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true });
  const paths: string[] = [];
  const noise = new Float32Array(1 << 20).map(() => gaussian() * 6);
  for (let k = 0; k < count; k++) {
    const path = join(folder, `frame_${String(k).padStart(3, "0")}.fits`);
    paths.push(path);
    if ((await Deno.stat(path).catch(() => undefined))?.isFile) continue;
    await using writer = await createImage(path, {
      width: WIDTH,
      height: HEIGHT,
      bitpix: 16,
      bzero: 32768,
    });
    const row = new Uint16Array(WIDTH);
    for (let y = 0; y < HEIGHT; y++) {
      const start = (y * 7919 + k * 104729) % (noise.length - WIDTH);
      for (let x = 0; x < WIDTH; x++) row[x] = 500 + k % 5 + (noise[start + x] ?? 0);
      await writer.writeRows(row);
    }
    await writer.finish();
  }
  return paths;
}

function gaussian(): number {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

async function works(command: readonly string[]): Promise<boolean> {
  const [program = "", ...args] = command;
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

async function findPeers(method: string): Promise<Peer[]> {
  const python = (library: string) => [
    PYTHON,
    join(ROOT, "scripts/peers/combine.py"),
    library,
    method,
  ];
  const library = async (name: string): Promise<Peer> => ({
    name,
    command: python(name),
    present: await works([PYTHON, "-c", `import astropy, ${name}`]),
  });
  const gppy = ["deno", "run", "-A", "--no-check", join(ROOT, "scripts/peers/combine_gppy.ts")];
  const siril = {
    name: "siril",
    command: [join(ROOT, "scripts/peers/combine_siril"), method],
    present: await works(["siril-cli", "--version"]),
  };
  const libraries = method === "median"
    ? ["numpy", "bottleneck", "ccdproc"]
    : ["astropy", "ccdproc"];
  return [
    { name: "gppy", command: [...gppy, "cpu", method], present: true },
    siril,
    ...await Promise.all(libraries.map(library)),
  ];
}

async function measure(command: readonly string[]): Promise<Figures> {
  const { success, stderr } = await new Deno.Command("/usr/bin/time", {
    args: ["-f", "TIME %e %U %S %M", ...command],
    stdout: "null",
  }).output();
  const text = new TextDecoder().decode(stderr);
  const match = /TIME (\S+) (\S+) (\S+) (\d+)/.exec(text);
  if (!success || !match) throw new Error(`${command.join(" ")}: ${text.slice(-400)}`);
  const [wallS = 0, userS = 0, systemS = 0, kib = 0] = match.slice(1).map(Number);
  return { wallS, cpuS: userS + systemS, peakMiB: kib / 1024 };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** Times all peers in turns, so that a machine that slows down slows all of them. */
async function compare(peers: readonly Peer[], files: readonly string[]): Promise<string[]> {
  const runs = new Map<string, Figures[]>();
  const output = join(values.folder, "combined.fits");
  for (let run = 0; run < Number(values.runs); run++) {
    for (const { name, command } of peers) {
      await Deno.remove(output).catch(() => {});
      const figures = await measure([...command, output, ...files]);
      runs.set(name, [...runs.get(name) ?? [], figures]);
      note(`  ${name}: ${figures.wallS} s`);
    }
  }
  const of = (name: string, key: keyof Figures) =>
    median((runs.get(name) ?? []).map((figures) => figures[key]));
  const walls = (name: string) => (runs.get(name) ?? []).map((figures) => figures.wallS);
  return peers.map(({ name }) => {
    const ratio = of(name, "wallS") / of("gppy", "wallS");
    const range = `${Math.min(...walls(name)).toFixed(2)}–${Math.max(...walls(name)).toFixed(2)}`;
    return `| ${name} | ${of(name, "wallS").toFixed(2)} | ${range} | ${
      of(name, "cpuS").toFixed(2)
    } | ${of(name, "peakMiB").toFixed(0)} | ${name === "gppy" ? "1" : ratio.toFixed(1)} |`;
  });
}

const lines = [
  "# Benchmarks against other programs",
  "",
  "Whole processes that read FITS files and write one, files in the page cache, in turns (A B C, A B C, …);",
  "medians. Made by `scripts/bench_peers --write`; a program that is not installed is left out.",
  "",
  `Machine: ${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, ${
    Math.round(totalmem() / 2 ** 30)
  } GiB, Linux ${release()}, no GPU used; frames of ${WIDTH}×${HEIGHT} uint16; ${values.runs} runs each.`,
];
const counts = values.frames.split(",").map(Number);
const files = await makeFrames(values.folder, Math.max(...counts));
for (const method of values.methods.split(",")) {
  const peers = (await findPeers(method)).filter(({ present }) => present);
  for (const count of counts) {
    note(`${method} of ${count}`);
    const head = ["wall s", "range", "CPU s", "peak MiB", "gppy is faster by"];
    lines.push("", `## ${method} of ${count} frames`, "");
    lines.push(`| program | ${head.join(" | ")} |`, `|---|${"---|".repeat(head.length)}`);
    lines.push(...await compare(peers, files.slice(0, count)));
  }
}
const text = lines.join("\n") + "\n";
print(text);
if (values.write) await Deno.writeTextFile(join(ROOT, "docs", "benchmarks.md"), text);
