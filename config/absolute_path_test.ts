/** Paths that people give, made absolute. */

import assert from "node:assert/strict";
import { resolve } from "node:path";
import { absolutePath } from "./absolute_path.ts";

Deno.test("absolutePath() gives what resolve() does", () => {
  for (
    const path of ["a", "a/", "./a//b/../c", "..", ".", "", "/", "//", "/a/", "/a/./b/..", "~"]
  ) {
    assert.equal(absolutePath(path), resolve(path), path);
  }
});
