/** Colours of the terminal. */

import assert from "node:assert/strict";
import { colorsFor } from "./colors.ts";

Deno.test("colorsFor() paints on a terminal alone", () => {
  const plain = colorsFor({ isTerminal: () => false });
  assert.equal(plain.red("missing"), "missing");
  const { red, dim } = colorsFor({ isTerminal: () => true });
  assert.equal(red("missing"), Deno.noColor ? "missing" : "\x1b[31mmissing\x1b[39m");
  assert.equal(dim("10:00"), Deno.noColor ? "10:00" : "\x1b[2m10:00\x1b[22m");
});
