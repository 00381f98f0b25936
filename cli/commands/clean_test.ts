import assert from "node:assert/strict";
import { join } from "node:path";
import { loadSite } from "../../config/site.ts";
import { Journal, journalPath } from "../../watch/journal.ts";
import { nightsAtWork } from "./clean.ts";

Deno.test("clean leaves nights alone that a watcher has begun and not ended", async () => {
  const base = await Deno.makeTempDir();
  try {
    const site = await loadSite({ base, env: {} });
    assert.deepEqual(nightsAtWork(undefined, site), []);
    using journal = Journal.open(journalPath(site.paths));
    const nights = [
      ["done", 1],
      ["ready", 1],
      ["ready", null],
      ["retry", 1],
      ["arriving", null],
      ["parked", 1],
    ] as const;
    for (const [index, [state, started]] of nights.entries()) {
      journal.run(
        "INSERT INTO nights (unit, date, folder, path, state, started, first_seen) " +
          "VALUES ('7DT01', '2024-05-01', ?, ?, ?, ?, 0)",
        `n${index}`,
        `/n${index}`,
        state,
        started,
      );
    }
    const names = nightsAtWork(journal, site);
    assert.deepEqual(names, ["n1", "n3"].map((name) => join(site.paths.work, "7DT01", name)));
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});
