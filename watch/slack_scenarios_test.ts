/**
 * Plays the scenarios and compares the table with the one in `docs/notices.md`.
 *
 * `deno run -A watch/slack_scenarios_test.ts --update` rewrites the table; read the difference.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { inspect } from "node:util";
import { withLog } from "./_log_list.ts";
import { type Scenario, SCENARIOS } from "./_slack_scenarios.ts";
import { type ScenarioRow, Stage } from "./_slack_stage.ts";

const PAGE = join(import.meta.dirname ?? ".", "..", "docs", "notices.md");
const [BEGIN, END] = ["<!-- scenarios -->", "<!-- /scenarios -->"];

async function play(scenario: Scenario): Promise<ScenarioRow> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-slack-" });
  try {
    let row: ScenarioRow | undefined;
    await withLog(async (records) => {
      await using stage = new Stage(folder, scenario.server ?? {});
      await scenario.play(stage);
      row = stage.row(scenario.name);
      const known = inspect([records, row], { depth: 9, showHidden: true });
      assert.ok(!known.includes("very-secret"), "the token is in the log");
      assert.ok(!await stage.holds("very-secret"), "the token is in the outbox");
    });
    assert.ok(row);
    return row;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function tableOf(rows: readonly ScenarioRow[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [
    "| scenario | requests: when, what, answer | in the channel | in the outbox |",
    "|---|---|---|---|",
    ...rows.map(({ name, requests, times, end }) =>
      `| ${cell(name)} | ${cell(requests.replaceAll("; ", "<br>"))} | ${cell(times)} | ${
        cell(end)
      } |`
    ),
  ].join("\n");
}

function splitPage(page: string): readonly [before: string, table: string, after: string] {
  const [from, to] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)];
  return [page.slice(0, from), page.slice(from, to).trim(), page.slice(to)];
}

if (Deno.args.includes("--update")) {
  const rows: ScenarioRow[] = [];
  for (const scenario of SCENARIOS) rows.push(await play(scenario));
  const [before, , after] = splitPage(await Deno.readTextFile(PAGE));
  await Deno.writeTextFile(PAGE, `${before}\n\n${tableOf(rows)}\n\n${after}`);
} else {
  const expected = splitPage(Deno.readTextFileSync(PAGE))[1].split("\n").slice(2);
  Deno.test("docs/notices.md has one row a scenario", () => {
    assert.equal(expected.length, SCENARIOS.length);
  });
  for (const [index, scenario] of SCENARIOS.entries()) {
    Deno.test(`Slack: ${scenario.name}`, async () => {
      const row = await play(scenario);
      assert.equal(tableOf([row]).split("\n")[2], expected[index]);
      // Whatever happens, nothing is said twice.
      assert.doesNotMatch(row.times, /×([2-9]|\d\d)/);
    });
  }
}
