/**
 * Runs `curate` on a list of products given as JSON, to be killed by a test.
 *
 * @module
 */

import { loadSite } from "../../config/site.ts";
import type { NewProduct } from "../stage.ts";
import { testContext } from "../testing.ts";
import { curate } from "./mod.ts";

if (import.meta.main) {
  const [base, mode] = Deno.args as [string, "link" | "copy" | "move"];
  const products = JSON.parse(await Deno.readTextFile(`${base}/products.json`)) as NewProduct[];
  const site = await loadSite({
    base,
    env: { GPPY_PATH_PROCESSED: `${base}/processed` },
  });
  const { context, left } = testContext({
    products,
    site,
    folder: `${base}/work`,
    stage: "curate",
    inputs: ["frame", "stamp", "catalogue"],
  });
  const outcome = await curate.run(curate.params.parse({ mode, headers: "native" }), context);
  const text = JSON.stringify({ outcome, left });
  await Deno.writeTextFile(`${base}/outcome.json.part`, text);
  await Deno.rename(`${base}/outcome.json.part`, `${base}/outcome.json`);
}
