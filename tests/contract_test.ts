/**
 * What every stage owes to the command line, the documentation and its successor.
 */

import assert from "node:assert/strict";
import { makeProgram } from "../cli/main.ts";
import { findWrongImports } from "../scripts/check_layers.ts";
import { generateDocs } from "../scripts/make_docs.ts";
import { PRODUCT_KINDS } from "../stages/manifest.ts";
import { describeParameters } from "../stages/parameters.ts";
import { CHAIN, STAGES } from "../stages/registry.ts";
import { ROOT } from "./run_program.ts";

const program = await makeProgram(() => {});

for (const stage of STAGES) {
  Deno.test(`Every flag of ${stage.name} is documented, unique and not reserved`, () => {
    const command = program.commands.find((candidate) => candidate.name() === stage.name);
    assert.ok(command);
    const flags = command.options.map((option) => option.long);
    assert.equal(new Set(flags).size, flags.length, "no flag stands twice");
    for (const info of describeParameters(stage)) {
      assert.ok(info.description.length > 3, `--${info.flag} says what it does`);
      assert.ok(flags.includes(`--${info.flag}`), `--${info.flag} is a flag`);
      assert.match(info.key, /^[a-z][A-Za-z0-9]*$/);
      assert.notEqual(info.default, undefined, `--${info.flag} has a default`);
    }
  });

  Deno.test(`The metrics and kinds of ${stage.name} are described`, () => {
    assert.match(stage.summary, /^[A-Z][^.]+[^.]$/);
    for (const kind of [...Object.keys(stage.inputs), ...Object.keys(stage.outputs)]) {
      assert.ok((PRODUCT_KINDS as readonly string[]).includes(kind), kind);
    }
    assert.ok(Object.keys(stage.outputs).length > 0);
  });
}

Deno.test("Each stage of the chain takes something that an earlier one makes", () => {
  const made = new Set<string>(["raw"]);
  for (const stage of CHAIN) {
    assert.ok(Object.keys(stage.inputs).some((kind) => made.has(kind)), stage.name);
    for (const kind of Object.keys(stage.outputs)) made.add(kind);
  }
});

Deno.test("The generated documentation is up to date", async () => {
  for (const [name, text] of generateDocs()) {
    assert.equal(await Deno.readTextFile(`${ROOT}/docs/${name}`), text, `docs/${name}`);
  }
});

Deno.test("The README names every stage, exit code and script", async () => {
  const readme = await Deno.readTextFile(`${ROOT}/README.md`);
  for (const stage of STAGES) assert.ok(readme.includes(`docs/stages/${stage.name}.md`));
  for (const name of ["scripts/demo", "scripts/test"]) {
    assert.ok(readme.includes(name));
    assert.ok(((await Deno.stat(`${ROOT}/${name}`)).mode ?? 0) & 0o100, `${name} is executable`);
  }
});

Deno.test("findWrongImports() finds imports that go upward or into private modules", () => {
  const wrong = (file: string, target: string) =>
    findWrongImports(file, `import { x } from "${target}";`).length;
  assert.equal(wrong("sky/wcs.ts", "../fits/header.ts"), 0);
  assert.equal(wrong("sky/wcs.ts", "../stages/stage.ts"), 1);
  assert.equal(wrong("fits/header.ts", "../sky/wcs.ts"), 1);
  assert.equal(wrong("stages/calib/mod.ts", "../../cli/terminal.ts"), 1);
  assert.equal(wrong("cli/main.ts", "../sky/_tpv.ts"), 1);
  assert.equal(wrong("sky/wcs.ts", "./_tpv.ts"), 0);
  assert.equal(wrong("config/version.ts", "../deno.json"), 0);
  assert.equal(findWrongImports("fits/a.ts", 'await import("../cli/main.ts");').length, 1);
});
