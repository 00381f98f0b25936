import assert from "node:assert/strict";
import { join } from "node:path";
import { loadSite } from "../../config/site.ts";
import { tanWcs } from "../../sky/wcs.ts";
import type { NewProduct } from "../stage.ts";
import { testContext } from "../testing.ts";
import { writeFrame } from "./_synthetic_frames.ts";
import { stack } from "./mod.ts";

const SIZE = { width: 150, height: 900 };

async function makeFrames(folder: string): Promise<NewProduct[]> {
  const made: NewProduct[] = [];
  for (let index = 0; index < 4; index++) {
    const wcs = tanWcs({ raDeg: 80, decDeg: 20 + index / 3600, scaleArcsec: 0.5, ...SIZE });
    const stars = [{ raDeg: 80, decDeg: 20, flux: 1e5 }];
    made.push(...await writeFrame({ folder, index, wcs, stars, ...SIZE }));
  }
  await Deno.writeTextFile(join(folder, "products.json"), JSON.stringify(made));
  return made;
}

async function killedAt(folder: string, row: number, combine: string): Promise<void> {
  const script = join(import.meta.dirname!, "_stack_until_killed.ts");
  const { signal } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, folder, String(row), combine],
    stderr: "inherit",
  }).output();
  assert.equal(signal, "SIGKILL");
}

/** Runs the stage; gives its files, and the rows that were done when it began to combine. */
async function finish(
  folder: string,
  out: string,
  products: readonly NewProduct[],
  combine: string,
  signal?: AbortSignal,
) {
  const site = await loadSite({ base: folder, env: {} });
  const { context } = testContext({
    ...{ products, inputs: ["frame"], site, folder: out },
    ...(signal && { signal }),
  });
  const rows: number[] = [];
  const params = stack.params.parse({ combine, grid: "first" });
  const made = await stack.run(params, {
    ...context,
    progress: (done, _total, what) => void (what.endsWith(".com") && rows.push(done)),
  });
  const paths = made.products.map(({ path }) => path);
  const bytes = await Promise.all(paths.map((path) => Deno.readFile(path)));
  return { paths, bytes, firstRow: rows.find((row) => row > 1) };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-resume-" });
  try {
    await Deno.mkdir(join(folder, "out"));
    await Deno.mkdir(join(folder, "clean"));
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

for (const combine of ["clipped-mean", "median", "artefacts"]) {
  Deno.test(`a stack that was killed goes on behind its last strip, byte by byte the same, ${combine}`, async () => {
    await inFolder(async (folder) => {
      const frames = await makeFrames(folder);
      await killedAt(folder, 512, combine);
      const out = join(folder, "out");
      assert.equal(names(out).filter((name) => name.endsWith(".part")).length, 3);
      assert.equal(names(out).filter((name) => name.endsWith(".strips")).length, 1);
      const kept = names(out).filter((name) => name.endsWith(".artefacts")).length;
      assert.equal(kept, combine === "artefacts" ? 1 : 0, "what was found is not looked for again");
      const resumed = await finish(folder, out, frames, combine);
      assert.ok(resumed.firstRow! >= 384, `began at row ${resumed.firstRow}`);
      const clean = await finish(folder, join(folder, "clean"), frames, combine);
      assert.ok(clean.firstRow! < 384);
      for (const [i, bytes] of resumed.bytes.entries()) {
        assert.deepEqual(bytes, clean.bytes[i], `${resumed.paths[i]}`);
      }
      assert.equal(names(out).length, 3, "nothing else is left");
    });
  });
}

Deno.test("a night that was killed keeps the stacks that were finished", async () => {
  await inFolder(async (folder) => {
    const frames = (await makeFrames(folder)).map((frame, i) =>
      i < 4 ? frame : { ...frame, object: "T2" } // two frames and their masks each
    );
    await Deno.writeTextFile(join(folder, "products.json"), JSON.stringify(frames));
    const out = join(folder, "out");
    const script = join(import.meta.dirname!, "_stack_until_killed.ts");
    const args = ["run", "-A", "--no-check", script, folder, "512", "mean", "T2"];
    const { signal } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert.equal(signal, "SIGKILL");
    const first = join(out, names(out).find((name) => /^calib.*com\.fits$/.test(name))!);
    const { mtime } = await Deno.stat(first);
    const { paths, firstRow } = await finish(folder, out, frames, "mean");
    assert.equal((await Deno.stat(first)).mtime?.getTime(), mtime?.getTime());
    assert.ok(firstRow! >= 384);
    assert.equal(paths.length, 6);
    assert.equal(names(out).length, 6, "the journals are removed in the end");
  });
});

Deno.test("a stack begins anew where what was left of it is of other frames or damaged", async () => {
  await inFolder(async (folder) => {
    const frames = await makeFrames(folder);
    await killedAt(folder, 512, "mean");
    const out = join(folder, "out");
    const part = names(out).find((name) => name.endsWith(".mask.fits.part"))!;
    using file = await Deno.open(join(out, part), { write: true });
    await file.seek(20_000, Deno.SeekMode.Start);
    await file.write(new Uint8Array([1, 2, 3]));
    const clean = await finish(folder, join(folder, "clean"), frames, "mean");
    const again = await finish(folder, out, frames, "mean");
    assert.equal(again.firstRow, clean.firstRow);
    assert.deepEqual(again.bytes, clean.bytes);

    await killedAt(folder, 512, "mean");
    const other = await finish(folder, out, frames, "median");
    assert.equal(other.firstRow, clean.firstRow);
    assert.equal(names(out).length, 3);
  });
});

Deno.test("a stack that was interrupted keeps its strips, one that failed leaves nothing", async () => {
  await inFolder(async (folder) => {
    const frames = await makeFrames(folder);
    const out = join(folder, "out");
    const site = await loadSite({ base: folder, env: {} });
    for (const interrupted of [true, false]) {
      const controller = new AbortController();
      const { context } = testContext({
        ...{ products: frames, inputs: ["frame"], site, folder: out },
        signal: controller.signal,
      });
      const run = stack.run(stack.params.parse({ grid: "first" }), {
        ...context,
        progress: (done, _total, what) => {
          if (!what.endsWith(".com") || done < 512) return;
          if (interrupted) controller.abort(new DOMException("stop", "AbortError"));
          else throw new Error("a fault");
        },
      });
      await assert.rejects(run);
      assert.equal(names(out).length, interrupted ? 4 : 0);
    }
  });
});
