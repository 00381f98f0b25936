import assert from "node:assert/strict";
import { join } from "node:path";
import { filesBelow, frame, isOtherFileSystem, text, withFolder } from "./_testing.ts";
import { digestFile } from "../manifest_file.ts";
import { type Transfer, transferFile } from "./transfer.ts";

const SHM = "/dev/shm";

/** Runs a test with a folder on another file system. */
async function withOther(test: (base: string, other: string) => Promise<void>): Promise<void> {
  await withFolder(async (base) => {
    const other = await Deno.makeTempDir({ dir: SHM, prefix: "gppy-curate-" });
    try {
      await test(base, other);
    } finally {
      await Deno.remove(other, { recursive: true });
    }
  });
}

/** Mounts a small file system of its own; undefined where that is not allowed. */
async function mountSmall(folder: string, bytes: number): Promise<boolean> {
  const args = ["-t", "tmpfs", "-o", `size=${bytes}`, "gppy-test", folder];
  try {
    return (await new Deno.Command("mount", { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

async function planned(base: string, other: string, mode: Transfer["mode"]): Promise<Transfer> {
  const { path: source, sha256 } = await frame(base, "calib_a");
  const target = join(other, "deep", "calib_a.fits");
  return { source, sha256, target, mode, onConflict: "version" };
}

const elsewhere = { ignore: !isOtherFileSystem(SHM) };

Deno.test(
  "a link across file systems becomes a copy that was verified",
  elsewhere,
  () =>
    withOther(async (base, other) => {
      const transfer = await planned(base, other, "link");
      assert.equal((await transferFile(transfer)).action, "copied");
      assert.equal((await digestFile(transfer.target)).sha256, transfer.sha256);
      assert.ok((await Deno.stat(transfer.source)).isFile);
    }),
);

Deno.test(
  "a move across file systems removes the source after its copy was verified",
  elsewhere,
  () =>
    withOther(async (base, other) => {
      const transfer = await planned(base, other, "move");
      assert.equal((await transferFile(transfer)).action, "moved");
      assert.equal((await digestFile(transfer.target)).sha256, transfer.sha256);
      await assert.rejects(Deno.stat(transfer.source), Deno.errors.NotFound);
      assert.deepEqual((await filesBelow(other)).length, 1);
    }),
);

Deno.test(
  "a source that is not what was promised stays, and nothing of it comes",
  elsewhere,
  () =>
    withOther(async (base, other) => {
      const transfer = await planned(base, other, "move");
      await Deno.writeTextFile(transfer.source, "damaged on its way", { append: true });
      await assert.rejects(transferFile(transfer), /its content is not what the manifest has/);
      assert.ok((await Deno.stat(transfer.source)).isFile);
      assert.deepEqual(await filesBelow(other), []);
    }),
);

Deno.test(
  "a damaged copy of an earlier run is not taken for the file",
  elsewhere,
  () =>
    withOther(async (base, other) => {
      const transfer = await planned(base, other, "move");
      await Deno.mkdir(join(other, "deep"));
      const part = join(other, "deep", ".calib_a.fits.part");
      await Deno.writeTextFile(part, "half");
      await Deno.writeTextFile(transfer.target, "something else that was there");
      const done = await transferFile(transfer);
      assert.equal(done.version, 2);
      assert.equal((await digestFile(done.path)).sha256, transfer.sha256);
      assert.equal(await Deno.readTextFile(transfer.target), "something else that was there");
      await assert.rejects(Deno.stat(transfer.source), Deno.errors.NotFound);
    }),
);

Deno.test("a source that changes behind its copy is not removed", () =>
  withFolder(async (base) => {
    const source = await text(base, "a.cat", "one");
    const { sha256 } = await digestFile(source);
    const target = join(base, "tree", "a.cat");
    await transferFile({ source, sha256, target, mode: "copy", onConflict: "fail" });
    await Deno.writeTextFile(source, "two");
    await assert.rejects(
      transferFile({ source, sha256, target, mode: "move", onConflict: "fail" }),
      /it changed after it was curated/,
    );
    assert.equal(await Deno.readTextFile(source), "two");
  }));

Deno.test("a full disk leaves the source and no half file", async (test) => {
  await withFolder(async (base) => {
    const other = join(base, "full");
    await Deno.mkdir(other);
    const mounted = await mountSmall(other, 8192);
    await test.step({
      name: "on a file system of 8 kB",
      ignore: !mounted,
      fn: async () => {
        const { path: source, sha256 } = await frame(base, "calib_a", 100);
        const target = join(other, "calib_a.fits");
        const move = { source, sha256, target, mode: "move", onConflict: "fail" } as const;
        await assert.rejects(transferFile(move), /Cannot curate to .*(space|full|os error 28)/i);
        assert.equal((await digestFile(source)).sha256, sha256);
        assert.deepEqual(await filesBelow(other), []);
      },
    });
    if (mounted) await new Deno.Command("umount", { args: [other] }).output();
  });
});
