import assert from "node:assert/strict";
import { join } from "node:path";
import { ExternalToolError } from "../config/errors.ts";
import { scanFits } from "../fits/file.ts";
import { readImage, writeImage } from "../fits/image.ts";
import { entriesOf, inOddFolder, installedTools, standIn, toolsWith } from "./_testing.ts";
import { packFits } from "./fpack.ts";

const SIZE = { width: 64, height: 40 };

Deno.test("packFits() keeps whole numbers exactly, in files of odd names", async () => {
  await inOddFolder(async (folder) => {
    const path = join(folder, "a (1).fits");
    const data = Uint16Array.from({ length: 64 * 40 }, (_, i) => (i * 7919) % 65536);
    await writeImage(path, { ...SIZE, data });
    await packFits(installedTools(), path, `${path}.fz`);
    assert.ok((await scanFits(`${path}.fz`)).some(({ kind }) => kind === "compressed-image"));
    assert.deepEqual((await readImage(`${path}.fz`)).data, Float32Array.from(data));
    assert.deepEqual(entriesOf(folder), ["a (1).fits", "a (1).fits.fz"]);
  });
});

Deno.test("packFits() gives equal files for equal images, within a quarter of their noise", async () => {
  await inOddFolder(async (folder) => {
    const path = join(folder, "a.fits");
    const data = Float32Array.from({ length: 64 * 40 }, (_, i) => 10 * Math.sin(i * i) + 500);
    await writeImage(path, { ...SIZE, data });
    for (const name of ["1.fz", "2.fz"]) await packFits(installedTools(), path, join(folder, name));
    const [one, two] = [
      Deno.readFileSync(join(folder, "1.fz")),
      Deno.readFileSync(join(folder, "2.fz")),
    ];
    assert.deepEqual(one, two);
    const back = (await readImage(join(folder, "1.fz"))).data;
    const worst = Math.max(...data.map((value, i) => Math.abs(value - back[i]!)));
    assert.ok(worst < 2.5, `worst ${worst}`);
  });
});

Deno.test("packFits() says so when the program writes nothing, and leaves nothing behind", async () => {
  await inOddFolder(async (folder) => {
    await standIn(folder, "fpack", "exit 0");
    const path = join(folder, "a.fits");
    await Deno.writeTextFile(path, "");
    await assert.rejects(
      packFits(toolsWith(folder), path, `${path}.fz`),
      (error) =>
        error instanceof ExternalToolError && /by fpack: it wrote nothing/.test(error.message),
    );
    assert.deepEqual(entriesOf(folder), ["a.fits", "fpack"]);
  });
});
