import assert from "node:assert/strict";
import { join } from "node:path";
import { loadSite } from "../../config/site.ts";
import { FitsHeader } from "../../fits/header.ts";
import { writeImage } from "../../fits/image.ts";
import { testContext } from "../testing.ts";
import { findInputs } from "./inputs.ts";

/** The seeing that a difference with these cards is searched with. */
async function seeingWith(cards: Record<string, number>): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-inputs-" });
  try {
    const write = async (id: string, header: FitsHeader) => {
      const path = join(folder, `${id}.fits`);
      await writeImage(path, { width: 4, height: 4, data: new Float32Array(16), header });
      return path;
    };
    const science = await write("a", FitsHeader.from({ PEEING: 3.4 }));
    const path = await write("a.subt", FitsHeader.from({ PEEING: 3.4, ...cards }));
    const common = { unit: "7DT07", object: "T09614", filter: "m600" };
    const products = [
      { id: "a", kind: "stack" as const, path: science, ...common },
      { id: "a.subt", kind: "difference" as const, path, of: "a", ...common },
    ];
    const site = await loadSite({ base: folder, env: {} });
    const { context } = testContext({ products, site, folder, stage: "detect" });
    const difference = context.inputs.find(({ kind }) => kind === "difference")!;
    return (await findInputs(difference, context)).seeingPx;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("findInputs() takes the seeing of the science image, or the PSF that the difference states", async () => {
  assert.equal(await seeingWith({}), 3.4);
  assert.equal(await seeingWith({ PSFFWHM: 4.9 }), 4.9);
});
