import assert from "node:assert/strict";
import { join } from "node:path";
import { FitsHeader } from "../../fits/header.ts";
import { writeImage } from "../../fits/image.ts";
import type { Product } from "../manifest.ts";
import { digestFile } from "../manifest_file.ts";

const SCRIPT = new URL("./_kill_me.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

async function makeProducts(base: string): Promise<Product[]> {
  await Deno.mkdir(join(base, "work"));
  const products: Product[] = [];
  for (let i = 0; i < 40; i++) {
    const path = join(base, "work", `calib_${i}.fits`);
    const data = Float32Array.from({ length: 300 * 300 }, (_, k) => (k * (i + 1)) % 1009);
    const header = FitsHeader.from({ OBJECT: `T${i % 3}` });
    await writeImage(path, { width: 300, height: 300, data, header });
    const known = { from: [], measured: {}, gates: [], stage: "test", unit: "7DT07", filter: "r" };
    const id = `calib_${i}`;
    products.push({
      ...known,
      id,
      kind: "frame",
      path,
      object: `T${i % 3}`,
      ...await digestFile(path),
    });
  }
  await Deno.writeTextFile(join(base, "products.json"), JSON.stringify(products));
  return products;
}

async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory) found.push(...await filesBelow(path));
      else found.push(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

function start(base: string, mode: string): Deno.ChildProcess {
  const args = ["run", "-A", "--no-check", "--config", CONFIG, SCRIPT, base, mode];
  return new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "inherit" }).spawn();
}

/** Every frame is whole in one of its places, and nothing under a final name is half. */
async function assertNothingLost(base: string, products: readonly Product[]): Promise<void> {
  for (const { id, path, sha256, object } of products) {
    const place = join(base, "processed", object!, "7DT07", "r", `${id}.fits`);
    const found: string[] = [];
    for (const candidate of [path, place]) {
      try {
        found.push((await digestFile(candidate)).sha256);
      } catch (error) {
        const message = String(error);
        assert.match(message, /NotFound|No such file|os error 2/i, message);
      }
    }
    assert.ok(found.length > 0, `${id} is lost`);
    for (const digest of found) assert.equal(digest, sha256, `${id} is half-written`);
  }
}

for (const mode of ["move", "copy"] as const) {
  Deno.test(`curate --mode ${mode}, killed again and again, loses nothing and finishes`, async () => {
    const base = await Deno.makeTempDir({ prefix: "gppy-kill-" });
    try {
      const products = await makeProducts(base);
      let interrupted = 0;
      for (let round = 0; round < 12; round++) {
        const child = start(base, mode);
        await waitForWork(base, child, round);
        try {
          child.kill("SIGKILL");
        } catch (error) {
          if (!(error instanceof TypeError)) throw error; // It had ended by itself.
        }
        if (!(await child.status).success) interrupted++;
        await assertNothingLost(base, products);
      }
      assert.ok(interrupted >= 3, `only ${interrupted} runs were cut off`);
      assert.ok((await start(base, mode).status).success);
      const { left } = JSON.parse(await Deno.readTextFile(join(base, "outcome.json")));
      assert.deepEqual(left, []);
      await assertFinished(base, products, mode);
    } finally {
      await Deno.remove(base, { recursive: true });
    }
  });
}

/** Waits until this round has done a little work, so that the cuts fall all over it. */
async function waitForWork(base: string, child: Deno.ChildProcess, round: number): Promise<void> {
  const before = (await filesBelow(join(base, "processed"))).length;
  let ended = false;
  child.status.then(() => ended = true);
  for (let polls = 0; polls < 1500 && !ended; polls++) {
    const now = (await filesBelow(join(base, "processed"))).length;
    if (now >= before + 1 + (round % 4)) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function assertFinished(
  base: string,
  products: readonly Product[],
  mode: string,
): Promise<void> {
  const files = await filesBelow(join(base, "processed"));
  assert.deepEqual(files.filter((path) => path.includes(".part")), []);
  assert.deepEqual(files.filter((path) => path.includes(".v2")), []);
  assert.equal(files.filter((path) => path.endsWith(".fits")).length, products.length);
  assert.equal(files.filter((path) => path.endsWith(".header")).length, products.length);
  const remaining = (await filesBelow(join(base, "work"))).filter((path) => path.endsWith(".fits"));
  assert.equal(remaining.length, mode === "move" ? 0 : products.length);
}
