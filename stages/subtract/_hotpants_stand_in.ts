/**
 * Stands in for HOTPANTS in tests: writes its arguments down, checks that every
 * input is there, and gives the science image less the template.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FitsHeader } from "../../fits/header.ts";
import { readImage, writeImage } from "../../fits/image.ts";

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
  const fill = Number(of("-fi"));
  const data = science.data.map((v, i) => i < 5 * width ? fill : v - template.data[i]!);
  const header = FitsHeader.from({ KSUM00: 1.25, X2NRM00: 0.9 });
  const size = { width, height };
  await writeImage(of("-outim"), { ...size, data, header });
  const noise = a.data.map((sigma, i) => Math.hypot(sigma, b.data[i]!));
  await writeImage(of("-oni"), { ...size, data: noise });
  await writeImage(of("-omi"), { ...size, data: new Int16Array(width * height) }, { bitpix: 16 });
  await writeImage(of("-oci"), { ...size, data: template.data });
}
