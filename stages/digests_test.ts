import assert from "node:assert/strict";
import { join } from "node:path";
import { Digests } from "./digests.ts";
import { digestFile } from "./manifest_file.ts";

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeFile(path: string, bytes: number, seed: number): Promise<void> {
  const part = Uint8Array.from({ length: 65537 }, (_, i) => (i * seed) >> 3);
  const whole = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += part.length) whole.set(part.subarray(0, bytes - at), at);
  await Deno.writeFile(path, whole);
}

Deno.test("Digests agree with digestFile() on small files and on large ones, several at once", async () => {
  await withFolder(async (folder) => {
    await using digests = new Digests();
    const sizes = [0, 1000, (7 << 20) + 3, (65 << 20) + 5, 9 << 20, (8 << 20) + 1];
    const paths = sizes.map((_, i) => join(folder, `${i}.bin`));
    for (const [i, path] of paths.entries()) await writeFile(path, sizes[i]!, i + 3);
    for (const path of paths.slice(1)) digests.begin(path);
    const found = await Promise.all(paths.map((path) => digests.of(path)));
    for (const [i, path] of paths.entries()) assert.deepEqual(found[i], await digestFile(path));
  });
});

Deno.test("a file that changed after begin() has the digest of what it is now", async () => {
  await withFolder(async (folder) => {
    await using digests = new Digests();
    const path = join(folder, "changing.bin");
    for (const bytes of [500, 9 << 20]) {
      await writeFile(path, bytes, 1);
      digests.begin(path);
      await digests.of(path);
      await writeFile(path, bytes, 7);
      await Deno.utime(path, 1, 1);
      assert.deepEqual(await digests.of(path), await digestFile(path));
    }
  });
});

Deno.test("a file that is not there is told of by of() alone", async () => {
  await withFolder(async (folder) => {
    await using digests = new Digests();
    const path = join(folder, "none");
    digests.begin(path);
    await assert.rejects(digests.of(path), Deno.errors.NotFound);
  });
});

Deno.test("what was begun and is not asked for is given up", async () => {
  await withFolder(async (folder) => {
    const paths = Array.from({ length: 20 }, (_, i) => join(folder, `${i}.bin`));
    for (const path of paths) await writeFile(path, 100_000, 3);
    await using digests = new Digests();
    for (const path of paths) digests.begin(path);
  }); // the folder is removed, and no file is open: Deno's sanitizer would tell
});
