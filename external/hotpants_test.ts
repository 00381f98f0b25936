import assert from "node:assert/strict";
import { join } from "node:path";
import { ExternalToolError } from "../config/errors.ts";
import { entriesOf, inOddFolder, standIn, toolsWith } from "./_testing.ts";
import { runHotpants } from "./hotpants.ts";
import { hotpantsArgs } from "./hotpants_options.ts";

/** Notes its arguments, checks that its inputs can be read, and writes what it was asked for. */
const RECORDER = `
for word in "$@"; do printf '%s\\n' "$word"; done > "$RECORD_ARGS"
while [ $# -gt 0 ]; do
  case "$1" in
    -inim|-tmplim|-imi|-tmi|-ssf) cat "$2" >> "$RECORD_READ" || exit 9 ;;
    -outim|-oni|-omi|-oci) echo "made by $1" > "$2" ;;
    -savexy) echo all > "$2.all"; echo skipped > "$2.skipped" ;;
  esac
  shift
done`;

async function writeAll(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await Deno.writeTextFile(join(folder, name), `${name};`);
}

function recorder(folder: string): string {
  return `RECORD_ARGS='${join(folder, "args")}'\nRECORD_READ='${
    join(folder, "read")
  }'\n${RECORDER}`;
}

Deno.test("runHotpants() passes every file and option word by word", async () => {
  await inOddFolder(async (folder) => {
    await standIn(folder, "hotpants", recorder(folder));
    await writeAll(folder, ["s.fits", "t.fits", "s.mask.fits", "t.mask.fits", "stamps.txt"]);
    const at = (name: string) => join(folder, name);
    await runHotpants(toolsWith(folder), {
      science: at("s.fits"),
      template: at("t.fits"),
      difference: at("d.fits"),
      scienceMask: at("s.mask.fits"),
      templateMask: at("t.mask.fits"),
      substampFile: at("stamps.txt"),
      differenceNoise: at("d.noise.fits"),
      differenceMask: at("d.mask.fits"),
      convolved: at("d.conv.fits"),
      stampRegions: at("d.reg"),
    }, {
      convolve: "t",
      normalize: "i",
      templateUpperAdu: 45000,
      templateLowerAdu: -150.5,
      templateGain: 1.2,
      templateReadNoiseE: 2,
      scienceUpperAdu: 50000,
      scienceLowerAdu: -200,
      scienceGain: 0.25,
      scienceReadNoiseE: 1.46,
      regionsX: 3,
      regionsY: 2,
      stampsX: 10,
      stampsY: 8,
      kernelRadiusPx: 9,
      substampRadiusPx: 14,
      kernelOrder: 2,
      backgroundOrder: 1,
      gaussians: [
        { degree: 6, sigmaPx: 0.7 },
        { degree: 4, sigmaPx: 1.5 },
        { degree: 2, sigmaPx: 3 },
      ],
      sameDirection: true,
      goodRegion: [1, 100, 2, 200],
      verbosity: 0,
    });
    const words = [
      ["-inim", "science.fits"],
      ["-tmplim", "template.fits"],
      ["-imi", "science.mask.fits"],
      ["-tmi", "template.mask.fits"],
      ["-ssf", "substamps.txt"],
      ["-outim", "difference.fits"],
      ["-oni", "difference.noise.fits"],
      ["-omi", "difference.mask.fits"],
      ["-oci", "convolved.fits"],
      ["-savexy", "stamps.reg"],
      ["-c", "t"],
      ["-n", "i"],
      ["-tu", "45000"],
      ["-tl", "-150.5"],
      ["-tg", "1.2"],
      ["-tr", "2"],
      ["-iu", "50000"],
      ["-il", "-200"],
      ["-ig", "0.25"],
      ["-ir", "1.46"],
      ["-nrx", "3"],
      ["-nry", "2"],
      ["-nsx", "10"],
      ["-nsy", "8"],
      ["-r", "9"],
      ["-rss", "14"],
      ["-ko", "2"],
      ["-bgo", "1"],
      ["-ng", "3", "6", "0.7", "4", "1.5", "2", "3"],
      ["-sconv"],
      ["-gd", "1", "100", "2", "200"],
      ["-v", "0"],
    ].flat();
    assert.deepEqual((await Deno.readTextFile(at("args"))).trim().split("\n"), words);
    assert.equal(
      await Deno.readTextFile(at("read")),
      "s.fits;t.fits;s.mask.fits;t.mask.fits;stamps.txt;",
    );
    assert.equal(await Deno.readTextFile(at("d.fits")), "made by -outim\n");
    assert.equal(await Deno.readTextFile(at("d.noise.fits")), "made by -oni\n");
    assert.equal(await Deno.readTextFile(at("d.mask.fits")), "made by -omi\n");
    assert.equal(await Deno.readTextFile(at("d.conv.fits")), "made by -oci\n");
    assert.equal(await Deno.readTextFile(at("d.reg.all")), "all\n");
    assert.equal(entriesOf(folder).filter((name) => name.includes("part")).length, 0);
  });
});

Deno.test("runHotpants() passes nothing that was not asked for", async () => {
  await inOddFolder(async (folder) => {
    await standIn(folder, "hotpants", recorder(folder));
    await writeAll(folder, ["s.fits", "t.fits"]);
    await runHotpants(toolsWith(folder), {
      science: join(folder, "s.fits"),
      template: join(folder, "t.fits"),
      difference: join(folder, "d.fits"),
    });
    const args = (await Deno.readTextFile(join(folder, "args"))).trim().split("\n");
    assert.deepEqual(args, [
      ...["-inim", "science.fits", "-tmplim", "template.fits", "-outim", "difference.fits"],
    ]);
  });
});

Deno.test("runHotpants() leaves no difference behind when the program fails", async () => {
  await inOddFolder(async (folder) => {
    const script = 'echo half > difference.fits; echo "no stamps" >&2; exit 1';
    await standIn(folder, "hotpants", script);
    await writeAll(folder, ["s.fits", "t.fits"]);
    const files = {
      science: join(folder, "s.fits"),
      template: join(folder, "t.fits"),
      difference: join(folder, "d.fits"),
    };
    await assert.rejects(runHotpants(toolsWith(folder), files), (error) => {
      assert.ok(error instanceof ExternalToolError);
      assert.match(error.message, /no stamps/);
      return true;
    });
    assert.deepEqual(entriesOf(folder), ["hotpants", "s.fits", "t.fits"]);
    await standIn(folder, "hotpants", "exit 0");
    await assert.rejects(runHotpants(toolsWith(folder), files), /wrote no difference\.fits/);
  });
});

Deno.test("hotpantsArgs() leaves out switches that are off", () => {
  assert.deepEqual(hotpantsArgs({ sameDirection: false }), []);
});

Deno.test("the command line of the first pipeline can be given word by word", () => {
  const words = hotpantsArgs({
    convolve: "t",
    normalize: "i",
    scienceUpperAdu: 60000,
    scienceLowerAdu: 412.5,
    templateUpperAdu: 60000000,
    templateLowerAdu: -60000000,
    verbosity: 0,
    regionsX: 3,
    regionsY: 2,
  });
  const original = "-c t -n i -iu 60000 -il 412.5 -tu 60000000 -tl -60000000 -v 0 -nrx 3 -nry 2";
  const pairs = (text: readonly string[]) =>
    text.flatMap((word, k) =>
      word.startsWith("-") && !/^-\d/.test(word) ? [[word, text[k + 1]]] : []
    );
  assert.deepEqual(pairs(words).sort(), pairs(original.split(" ")).sort());
});

Deno.test("switches stand alone, and numbers that are zero are passed", () => {
  const words = hotpantsArgs({
    ...{ findSubstamps: 0, rescaleNoise: true, convolveVariance: false, kernelTable: true },
    ...{ fitThresholdScale: 0.5, filledStamps: 0.1, kernelStepPx: 21, noiseFillAdu: 0 },
  });
  const expected = "-afssc 0 -kcs 21 -sft 0.5 -nft 0.1 -okn -fin 0 -hki";
  assert.deepEqual(words, expected.split(" "));
});

Deno.test("runHotpants() passes kernels, regions and further outputs", async () => {
  await inOddFolder(async (folder) => {
    const script = recorder(folder).replace("-outim|", "-outim|-ond|-oki|");
    await standIn(folder, "hotpants", script);
    await writeAll(folder, ["s.fits", "t.fits", "k.fits", "regions"]);
    const at = (name: string) => join(folder, name);
    await runHotpants(toolsWith(folder), {
      ...{ science: at("s.fits"), template: at("t.fits"), difference: at("d.fits") },
      ...{ kernel: at("k.fits"), regionFile: at("regions") },
      ...{ scaledDifference: at("d.scaled.fits"), kernelOut: at("d.kernel.fits") },
    });
    const words = [
      ...["-inim", "science.fits", "-tmplim", "template.fits", "-ki", "kernel.in.fits"],
      ...["-rf", "regions.txt", "-outim", "difference.fits", "-ond", "difference.scaled.fits"],
      ...["-oki", "kernel.fits"],
    ];
    assert.deepEqual((await Deno.readTextFile(at("args"))).trim().split("\n"), words);
    assert.equal(await Deno.readTextFile(at("d.scaled.fits")), "made by -ond\n");
    assert.equal(await Deno.readTextFile(at("d.kernel.fits")), "made by -oki\n");
  });
});
