/**
 * Stands in for HOTPANTS in tests: writes its arguments down, checks that every
 * input is there, and gives the science image less 1.25 times the template, with
 * cards, masks, lists of stamps and a kernel table as the program writes them.
 * It matches no PSFs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FitsHeader } from "../../../fits/header.ts";
import { readImage, writeImage } from "../../../fits/image.ts";
import { writeTables } from "../../../fits/table.ts";

/** The value after a flag. */
function of(flag: string): string {
  const at = Deno.args.indexOf(flag);
  assert.ok(at >= 0, `${flag} is missing`);
  return Deno.args[at + 1]!;
}

if (import.meta.main) {
  await Deno.writeTextFile(Deno.env.get("HOTPANTS_LOG")!, JSON.stringify(Deno.args));
  const science = await readImage(of("-inim")), template = await readImage(of("-tmplim"));
  const { width, height } = science;
  for (const flag of ["-imi", "-tmi"]) {
    const mask = await readImage(of(flag));
    assert.equal(mask.width, width);
    assert.equal(mask.header.number("BITPIX"), 16, flag);
  }
  for (const line of (await Deno.readTextFile(of("-ssf"))).trim().split("\n")) {
    assert.match(line, /^\d+\.\d\d \d+\.\d\d$/);
  }
  const [a, b] = [await readImage(of("-ini")), await readImage(of("-tni"))];
  const fill = Number(of("-fi")), scale = 1.25;
  const data = science.data.map((v, i) => i < 5 * width ? fill : v - scale * template.data[i]!);
  // The program writes its numbers as text.
  const header = FitsHeader.from({
    ...{ NREGION: 1, REGION00: `[1:${width},1:${height}]`, CONVOL00: "TEMPLATE" },
    ...{ KSUM00: "1.2500", X2NRM00: "0.9000" },
  });
  const size = { width, height };
  await writeImage(of("-outim"), { ...size, data, header });
  if (Deno.args.includes("-hki")) await appendKernel(of("-outim"), scale);
  const noise = a.data.map((sigma, i) =>
    i < 5 * width ? Number(of("-fin")) : Math.hypot(sigma, scale * b.data[i]!)
  );
  await writeImage(of("-oni"), { ...size, data: noise });
  const bits = new Uint16Array(width * height);
  bits.fill(0x8000, 0, 5 * width);
  bits[50 * width + 50] = 0x40 | 0x20;
  bits[60 * width + 60] = 0x8000 | 0x80 | 0x02;
  await writeImage(of("-omi"), { ...size, data: bits });
  await Deno.writeTextFile(of("-savexy"), "#   X    Y\n   10   20\n   30   40\n   50   60\n");
  await Deno.writeTextFile(`${of("-savexy")}.skipped`, "#   X    Y\n   70   80\n");
}

/** The table of `-hki`: one narrow Gaussian, which is the scale, and no variation. */
async function appendKernel(path: string, scale: number): Promise<void> {
  const table = `${path}.table`;
  await writeTables(table, [{
    name: "ConvolutionKernelInformation",
    columns: [{ name: "Region 00", data: Float64Array.of(0, scale, 0, 0) }],
    header: FitsHeader.from({
      ...{ NGAUSS: 1, DGAUSS1: 0, SGAUSS1: 0.1, FWKERN: 5, CKORDER: 0, BGORDER: 0 },
    }),
  }]);
  const bytes = await Deno.readFile(table);
  // The second unit alone, behind the image.
  await Deno.writeFile(path, bytes.subarray(2880), { append: true });
  await Deno.remove(table);
}
