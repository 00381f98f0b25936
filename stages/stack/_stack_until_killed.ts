/** Stacks frames of a folder and kills its own process on the way: `<folder> <row> <method> [object]`. */

import { join } from "node:path";
import { loadSite } from "../../config/site.ts";
import type { NewProduct } from "../stage.ts";
import { testContext } from "../testing.ts";
import { stack } from "./mod.ts";

const [folder = "", row = "", combine = "", object = "T"] = Deno.args;
const products: NewProduct[] = JSON.parse(
  await Deno.readTextFile(join(folder, "products.json")),
);
const site = await loadSite({ base: folder, env: {} });
const { context } = testContext({ products, inputs: ["frame"], site, folder: join(folder, "out") });
await stack.run(stack.params.parse({ combine, grid: "first" }), {
  ...context,
  progress: (done, _total, what) => {
    if (what.endsWith(".com") && what.includes(object) && done >= Number(row)) {
      Deno.kill(Deno.pid, "SIGKILL");
    }
  },
});
