/** What `scripts/gppy` runs: the bundle of the sources as they are, or the sources. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { ROOT } from "./run_program.ts";

const COPIED = ["scripts/gppy", "scripts/launch", "scripts/bundle.ts", "cli/terminal.ts"];

/** A checkout of a small program, which tells a word and the file that it runs from. */
class Checkout implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "gppy-launch-" });

  constructor() {
    const launch = Deno.readTextFileSync(join(ROOT, "scripts/launch"));
    const sources = /^sources=\((.*)\)$/m.exec(launch)?.[1]?.split(" ") ?? [];
    for (const name of sources.filter((name) => !name.includes("."))) {
      Deno.mkdirSync(join(this.folder, name));
    }
    for (const name of [...COPIED, ...sources.filter((name) => /^[^/]+\./.test(name))]) {
      Deno.mkdirSync(dirname(join(this.folder, name)), { recursive: true });
      Deno.copyFileSync(join(ROOT, name), join(this.folder, name));
    }
    Deno.symlinkSync(join(ROOT, "node_modules"), join(this.folder, "node_modules"));
  }

  /** Makes it tell another word; `head` goes before the program. */
  tell(word: string, head = ""): void {
    Deno.writeTextFileSync(
      join(this.folder, "cli/main.ts"),
      `${head}
      export const main = () => console.log(${JSON.stringify(word)}, import.meta.filename) ?? 0;
      if (import.meta.main) Deno.exit(main());`,
    );
  }

  async run(env = {}): Promise<{ word: string; file: string; stderr: string }> {
    const { stdout, stderr } = await new Deno.Command(join(this.folder, "scripts/gppy"), {
      stdin: "null",
      env: { NO_COLOR: "1", ...env },
    }).output();
    const [word = "", file = ""] = new TextDecoder().decode(stdout).trim().split(" ");
    return {
      word,
      file: file.replace(`${this.folder}/`, ""),
      stderr: new TextDecoder().decode(stderr),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

const FROM_BUNDLE = { file: "dist/gppy.js", stderr: "" };
const FROM_SOURCE = { file: "cli/main.ts", stderr: "" };

Deno.test("gppy runs its bundle, which is made anew when a source was changed, added or replaced", async () => {
  await using checkout = new Checkout();
  checkout.tell("first");
  assert.deepEqual(await checkout.run(), { word: "first", ...FROM_BUNDLE });
  checkout.tell("second");
  assert.deepEqual(await checkout.run(), { word: "second", ...FROM_BUNDLE });
  const made = () => Deno.statSync(join(checkout.folder, "dist/gppy.js")).mtime?.getTime() ?? 0;
  const last = made();
  await checkout.run();
  assert.equal(made(), last, "not made again for nothing");
  checkout.tell("copied");
  // as a copy that keeps times leaves it
  Deno.utimeSync(join(checkout.folder, "cli/main.ts"), 1e9, 1e9);
  assert.deepEqual(await checkout.run(), { word: "copied", ...FROM_BUNDLE });
  Deno.writeTextFileSync(join(checkout.folder, "sky/new.ts"), "");
  await checkout.run();
  assert.ok(made() > last);
});

Deno.test("many that start at once run what the sources say now", async () => {
  await using checkout = new Checkout();
  for (const word of ["first", "second"]) {
    checkout.tell(word);
    const all = await Promise.all(Array.from({ length: 8 }, () => checkout.run()));
    for (const one of all) assert.deepEqual(one, { word, ...FROM_BUNDLE });
  }
  const left = [...Deno.readDirSync(join(checkout.folder, "dist"))].map(({ name }) => name);
  assert.deepEqual(left, ["gppy.js"]);
});

Deno.test("where nothing can be written beside the sources, they are run themselves", async () => {
  await using checkout = new Checkout();
  checkout.tell("read-only");
  Deno.writeTextFileSync(join(checkout.folder, "dist"), ""); // holds for root, too
  assert.deepEqual(await checkout.run(), { word: "read-only", ...FROM_SOURCE });
});

Deno.test("where nobody can tell whether a source has changed, the sources are run", async () => {
  await using checkout = new Checkout();
  checkout.tell("first");
  await checkout.run();
  const bin = join(checkout.folder, "bin"); // without `find`
  Deno.mkdirSync(bin);
  for (const name of ["bash", "readlink"]) Deno.symlinkSync(`/bin/${name}`, join(bin, name));
  Deno.symlinkSync(Deno.execPath(), join(bin, "deno"));
  checkout.tell("second");
  assert.deepEqual(await checkout.run({ PATH: bin }), { word: "second", ...FROM_SOURCE });
});

Deno.test("sources that cannot be bundled are run as they are, and tried again when they have changed", async () => {
  await using checkout = new Checkout();
  checkout.tell("odd", `import "npm:commander@15.1.0";`); // which the bundler does not know
  const first = await checkout.run();
  assert.equal(first.word, "odd");
  assert.match(first.stderr, /could not be bundled[^]*npm:commander/);
  assert.deepEqual(await checkout.run(), { word: "odd", ...FROM_SOURCE });
  checkout.tell("plain");
  assert.deepEqual(await checkout.run(), { word: "plain", ...FROM_BUNDLE });
});

Deno.test("chunks that were replaced stay for a week, for programs that still run", async () => {
  await using checkout = new Checkout();
  const file = (name: string) => join(checkout.folder, name);
  const chunks = () =>
    [...Deno.readDirSync(file("dist"))].flatMap(({ name }) => name === "gppy.js" ? [] : [name]);
  const build = async (text: string) => {
    Deno.writeTextFileSync(file("cli/later.ts"), `export const later = ${JSON.stringify(text)};`);
    checkout.tell(text, `if (Deno.args.length > 9) await import("./later.ts");`);
    assert.equal((await checkout.run()).word, text);
  };
  await build("one");
  const [one = ""] = chunks();
  await build("two");
  assert.equal(chunks().length, 2);
  await build("three");
  assert.equal(chunks().length, 3);
  const longAgo = Date.now() / 1000 - 8 * 24 * 3600;
  Deno.utimeSync(join(file("dist"), one), longAgo, longAgo);
  await build("four");
  assert.equal(chunks().length, 3);
  assert.ok(!chunks().includes(one));
});
