/**
 * Level and noise of the cells of a strip on every backend, and of a whole frame beside sep and the
 * definition in TypeScript. The frame lies in memory for all; sep's surface is not evaluated.
 *
 * Run with `deno bench -A gpu/kernels/background/background_bench.ts`.
 *
 * @module
 */

import { benchKernel, FRAME_WIDTH, STRIP_ROWS } from "../../benching.ts";
import { type Compute, openCompute } from "../../compute.ts";
import { cellStatistics } from "./_cell_oracle.ts";
import { measureCells } from "./background.ts";

const FRAME_ROWS = 6388;
const MESH = 64;
const GROUP = `sky of a frame of ${FRAME_WIDTH} by ${FRAME_ROWS}`;

/** Sky of 1000 with noise 12, a star on every hundredth pixel. */
function fillSky(values: Float32Array): Float32Array {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < values.length; i++) {
    const noise = 20 * (uniform() + uniform() + uniform() + uniform() - 2);
    values[i] = 1000 + noise + (uniform() < 0.01 ? -500 * Math.log(uniform()) : 0);
  }
  return values;
}

function floatsIn(room: Uint8Array): Float32Array {
  return new Float32Array(room.buffer, room.byteOffset, room.length >> 2);
}

await benchKernel({
  name: "sky of a strip",
  bytes: FRAME_WIDTH * STRIP_ROWS * 4,
  prepare: (compute, room) => {
    const values = fillSky(floatsIn(room(FRAME_WIDTH * STRIP_ROWS * 4)));
    return async () => {
      await measureCells(compute, { width: FRAME_WIDTH, values }, { meshPx: MESH });
    };
  },
});

/** The definition, cell by cell. */
function byDefinition(values: Float32Array): void {
  const cell = new Float32Array(MESH * MESH);
  for (let y0 = 0; y0 < FRAME_ROWS; y0 += MESH) {
    for (let x0 = 0; x0 < FRAME_WIDTH; x0 += MESH) {
      let count = 0;
      for (let y = y0; y < Math.min(FRAME_ROWS, y0 + MESH); y++) {
        for (let x = x0; x < Math.min(FRAME_WIDTH, x0 + MESH); x++) {
          const value = values[y * FRAME_WIDTH + x]!;
          if (value === value) cell[count++] = value;
        }
      }
      cellStatistics(cell, count);
    }
  }
}

/** A process that measures a frame with sep at every line it reads. */
class SepServer {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(path: string) {
    const program = `
import sys, numpy, sep
image = numpy.fromfile(sys.argv[1], numpy.float32).reshape(-1, ${FRAME_WIDTH})
for line in sys.stdin:
    sep.Background(image, bw=${MESH}, bh=${MESH}, fw=3, fh=3)
    print("done", flush=True)`;
    const args = ["-c", program, path];
    const pipes = { stdin: "piped", stdout: "piped" } as const;
    this.#process = new Deno.Command("/usr/bin/python3", { args, ...pipes }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.getReader();
  }

  async measure(): Promise<void> {
    await this.#writer.write(new TextEncoder().encode("go\n"));
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("sep ended");
      if (value.includes(10)) return;
    }
  }

  end(): void {
    this.#process.kill();
  }
}

async function hasSep(): Promise<boolean> {
  const args = ["-c", "import sep"];
  const { success } = await new Deno.Command("/usr/bin/python3", { args, stderr: "null" }).output()
    .catch(() => ({ success: false }));
  return success;
}

/** Declares a benchmark whose first run prepares it. */
function benchFrame(name: string, baseline: boolean, prepare: () => Promise<() => unknown>): void {
  let run: (() => unknown) | undefined;
  Deno.bench({
    ...{ name, group: GROUP, baseline, n: 6, warmup: 1 },
    fn: async (bench) => {
      run ??= await prepare();
      bench.start();
      await run();
      bench.end();
    },
  });
}

let frame: Float32Array | undefined;
const whole = () => frame ??= fillSky(new Float32Array(FRAME_WIDTH * FRAME_ROWS));

const threads = [...new Set([navigator.hardwareConcurrency, 1])];
for (const [i, count] of threads.entries()) {
  benchFrame(`kernel, ${count} ${count === 1 ? "thread" : "threads"}`, i === 0, async () => {
    const compute: Compute = await openCompute({ device: "cpu", cpu: { threads: count } });
    const values = floatsIn(compute.allocate(FRAME_WIDTH * FRAME_ROWS * 4).bytes);
    values.set(whole());
    return () => measureCells(compute, { width: FRAME_WIDTH, values }, { meshPx: MESH });
  });
}

if (await hasSep()) {
  benchFrame("sep, 1 thread", false, async () => {
    const path = await Deno.makeTempFile({ suffix: ".f32" });
    await Deno.writeFile(path, new Uint8Array(whole().buffer as ArrayBuffer));
    const server = new SepServer(path);
    await server.measure();
    await Deno.remove(path);
    globalThis.addEventListener("unload", () => server.end());
    return () => server.measure();
  });
}

benchFrame("TypeScript, 1 thread", false, () => Promise.resolve(() => byDefinition(whole())));
