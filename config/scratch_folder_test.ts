import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { ownMark, type ProcessMark } from "./process_mark.ts";
import { makeScratchFolder, sweepScratch } from "./scratch_folder.ts";

const DAY_MS = 24 * 3600 * 1000;

async function inPlace(test: (place: string) => Promise<void> | void): Promise<void> {
  const place = await Deno.makeTempDir({ prefix: "gppy-scratch-test-" });
  try {
    await test(place);
  } finally {
    await Deno.remove(place, { recursive: true });
  }
}

const names = (place: string) => [...Deno.readDirSync(place)].map(({ name }) => name).sort();

/** A process that holds a scratch folder, and that folder. */
async function holder(place: string, permissions: readonly string[] = ["-A"]) {
  const script = join(import.meta.dirname!, "_scratch_until_killed.ts");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--quiet", "--no-prompt", ...permissions, script, place],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const folder = new TextDecoder().decode(value).trim();
  return {
    folder,
    async kill() {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
    },
  };
}

Deno.test("what a killed process left goes when the next makes a scratch folder there", () =>
  inPlace(async (place) => {
    const [killed, living] = [await holder(place), await holder(place)];
    try {
      await killed.kill();
      assert.deepEqual(names(place), [killed.folder, living.folder].map((f) => basename(f)).sort());
      const own = makeScratchFolder(".mine-", place);
      assert.deepEqual(names(place), [basename(own), basename(living.folder)].sort());
      assert.deepEqual(names(living.folder), [".owner.json", "deep"]);
    } finally {
      await living.kill();
    }
    assert.deepEqual(sweepScratch(place), [basename(living.folder)]);
  }));

function plant(place: string, name: string, owner: Partial<ProcessMark> | string): void {
  Deno.mkdirSync(join(place, name));
  const text = typeof owner === "string" ? owner : JSON.stringify({ ...ownMark(), ...owner });
  Deno.writeTextFileSync(join(place, name, ".owner.json"), text);
}

Deno.test("scratch folders of others, and what is none, are left alone", () =>
  inPlace((place) => {
    const gone = { pid: 2 ** 22 + 1 }; // beyond the largest number of a process
    plant(place, "host.scratch", { ...gone, host: "elsewhere" });
    const { boot } = ownMark();
    plant(place, "container.scratch", { ...gone, boot: boot.replace(/\d+\]$/, "1]") });
    plant(place, "broken.scratch", '{"host": 1}');
    plant(place, "own.scratch", {});
    plant(place, "another name", gone);
    Deno.mkdirSync(join(place, "unknown.scratch"));
    Deno.writeTextFileSync(join(place, "file.scratch"), "");
    Deno.symlinkSync(join(place, "another name"), join(place, "link.scratch"));
    const before = names(place);
    assert.deepEqual(sweepScratch(place, Date.now() + 9 * DAY_MS), []);
    assert.deepEqual(names(place), before);
    plant(place, "gone.scratch", gone);
    plant(place, "number used again.scratch", { started: "1" });
    assert.deepEqual(sweepScratch(place).sort(), ["gone.scratch", "number used again.scratch"]);
    assert.deepEqual(names(place), before);
  }));

Deno.test("after a reboot, and where hosts are not told, scratch folders go when nothing has changed in them for a day", () =>
  inPlace((place) => {
    const boot = ownMark().boot.replace(/^[^/]*/, "another-boot");
    plant(place, "a.scratch", { boot });
    plant(place, "b.scratch", { boot, started: "1" });
    Deno.utimeSync(join(place, "b.scratch"), 0, 0);
    plant(place, "untold.scratch", { host: "", boot: "", started: "" });
    assert.deepEqual(sweepScratch(place), []);
    assert.deepEqual(sweepScratch(place, Date.now() + 0.9 * DAY_MS), []);
    assert.deepEqual(sweepScratch(place, Date.now() + 1.1 * DAY_MS).length, 3);
  }));

Deno.test("a process that may ask nothing makes scratch folders, and touches nobody's", () =>
  inPlace(async (place) => {
    plant(place, "gone.scratch", { pid: 2 ** 22 + 1 });
    const confined = await holder(place, [`--allow-read=${place}`, `--allow-write=${place}`]);
    await confined.kill();
    const made = basename(confined.folder);
    assert.deepEqual(names(place), [made, "gone.scratch"].sort());
    assert.deepEqual(sweepScratch(place), ["gone.scratch"]);
    assert.deepEqual(sweepScratch(place, Date.now() + 1.1 * DAY_MS), [made]);
  }));

Deno.test("a place that cannot be read is no error", () => {
  assert.deepEqual(sweepScratch("/nowhere/at/all"), []);
});
