/**
 * Writes what of the documentation follows from the code: one page a stage, one for the command
 * `reference`, which is declared like one, the settings of `watch`, and the JSON Schema of the manifest. With `--check` it writes nothing and fails if a page is stale.
 *
 * @module
 */

import { join } from "node:path";
import * as z from "zod";
import { note, print } from "../cli/terminal.ts";
import { manifestSchema } from "../stages/manifest.ts";
import { describeParameters, type ParameterInfo } from "../stages/parameters.ts";
import { STAGES } from "../stages/registry.ts";
import { reference } from "../stages/stack/reference/reference.ts";
import { WATCH_PARAMETERS } from "../watch/settings.ts";
import type { StageDeclaration } from "../stages/stage.ts";

/**
 * Everything that is generated.
 *
 * @returns Text by path below `docs/`.
 */
export function generateDocs(): Map<string, string> {
  const pages = new Map<string, string>();
  for (const stage of STAGES) pages.set(`stages/${stage.name}.md`, stagePage(stage));
  pages.set(`commands/${reference.name}.md`, stagePage(reference));
  pages.set("commands/watch.md", watchPage());
  const schema = z.toJSONSchema(manifestSchema, { io: "input" });
  pages.set(
    "manifest.schema.json",
    JSON.stringify({ title: "gppy manifest", ...schema }, null, 2) + "\n",
  );
  return pages;
}

function stagePage(stage: StageDeclaration): string {
  return [
    `# gppy ${stage.name}`,
    `${stage.summary}.`,
    ...(stage.description === undefined ? [] : [stage.description]),
    "## Takes",
    kindList(stage.inputs),
    "## Makes",
    kindList(stage.outputs),
    "## Parameters",
    "A value comes from the flag, else the environment, else section " +
    `\`[${stage.name}]\` of \`gppy.toml\`, else the default.`,
    parameterTable(describeParameters(stage)),
    "## Measured",
    "Recorded in the manifest's entry of this stage.",
    metricList(stage),
  ].join("\n\n") + "\n";
}

function watchPage(): string {
  return [
    "# gppy watch",
    `${WATCH_PARAMETERS.summary}. How it works: [watching](../watching.md).`,
    "## Settings",
    "A value comes from the flag, else the environment, else section `[watch]` of `gppy.toml`, " +
    "else the default.",
    parameterTable(describeParameters(WATCH_PARAMETERS)),
  ].join("\n\n") + "\n";
}

function kindList(kinds: Readonly<Record<string, string>>): string {
  return Object.entries(kinds).map(([kind, what]) => `- \`${kind}\`: ${what}`).join("\n");
}

function parameterTable(infos: readonly ParameterInfo[]): string {
  if (infos.length === 0) return "None.";
  const rows = infos.map((info) => {
    const kind = info.choices.length > 0 ? info.choices.join(", ") : info.type;
    const fallback = info.default === undefined ? "" : `\`${JSON.stringify(info.default)}\``;
    const cells = [
      `\`--${info.flag}\``,
      `\`${info.environment}\``,
      kind,
      info.unit ?? "",
      fallback,
      info.description,
    ];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return [
    "| flag | environment | value | unit | default | what it does |",
    "|---|---|---|---|---|---|",
    ...rows,
  ]
    .join("\n");
}

function metricList(stage: StageDeclaration): string {
  const schema = z.toJSONSchema(stage.metrics, { io: "output", unrepresentable: "any" });
  const entries = Object.entries(schema.properties ?? {});
  if (entries.length === 0) return "Nothing.";
  return entries.map(([name, property]) => {
    const what = typeof property === "object" ? property.description ?? "" : "";
    return what === "" ? `- \`${name}\`` : `- \`${name}\`: ${what}`;
  }).join("\n");
}

if (import.meta.main) {
  const root = join(import.meta.dirname ?? ".", "..", "docs");
  const stale: string[] = [];
  for (const [name, text] of generateDocs()) {
    const path = join(root, name);
    const old = await Deno.readTextFile(path).catch(() => "");
    if (old === text) continue;
    stale.push(name);
    if (Deno.args.includes("--check")) continue;
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeTextFile(path, text);
  }
  if (Deno.args.includes("--check") && stale.length > 0) {
    note(`docs: stale: ${stale.join(", ")}; run \`deno task docs\``);
    Deno.exit(1);
  }
  print(stale.length === 0 ? "docs: up to date" : `docs: ${stale.join(", ")}`);
}
