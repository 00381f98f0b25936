/**
 * `gppy show`: what a manifest says, for people.
 *
 * @module
 */

import { Command } from "commander";
import type { Manifest, Product } from "../../stages/manifest.ts";
import { parseManifest, readManifest } from "../../stages/manifest_file.ts";
import { describeRun } from "../summary.ts";
import { print } from "../terminal.ts";

/**
 * Makes the command.
 *
 * @returns The command.
 */
export function showCommand(): Command {
  return new Command("show")
    .summary("Tell what a manifest says")
    .description(
      "Tells what a manifest says: the stages and their times, the images with what was measured\n" +
        "on them, and what was left behind.",
    )
    .argument("[manifest]", "a manifest; stdin if left out", "-")
    .option("--left", "only what was left behind, one line each")
    .action(async (path: string, options: { left?: boolean }) => {
      const manifest = path === "-"
        ? parseManifest(await new Response(Deno.stdin.readable).text(), {
          where: "stdin",
          folder: Deno.cwd(),
        })
        : await readManifest(path);
      print(options.left ? describeLeft(manifest) : describeManifest(manifest));
    });
}

function describeLeft(manifest: Manifest): string {
  return manifest.left.map((entry) =>
    `${entry.stage}\t${entry.id}\t${entry.error}\t${entry.message}`
  ).join("\n") || "nothing left behind";
}

function describeManifest(manifest: Manifest): string {
  const elapsed = manifest.stages.map(({ name, elapsedS }) => ({
    stage: name,
    s: elapsedS,
    ran: true,
  }));
  const kinds = ["frame", "stack", "difference"] as const;
  const lists = kinds.flatMap((kind) => {
    const images = manifest.products.filter((product) => product.kind === kind);
    return images.length === 0 ? [] : [`${kind}s:`, ...images.map(describeImage)];
  });
  return [describeRun(manifest, elapsed), ...lists].join("\n");
}

function describeImage(product: Product): string {
  const number = (key: string, digits: number): string => {
    const value = product.measured[key];
    return typeof value === "number" ? value.toFixed(digits) : "–";
  };
  const worst = product.gates.filter((gate) => gate.verdict !== "pass")
    .map((gate) => `${gate.name} ${gate.verdict}`);
  const facts = [
    `rms ${number("astromRmsArcsec", 3)}″`,
    `seeing ${number("seeingArcsec", 2)}″`,
    `zp ${number("zeroPoint", 3)}`,
    `depth ${number("depth5", 2)}`,
    ...(product.measured.candidates === undefined ? [] : [
      `${number("transients", 0)} transients of ${number("candidates", 0)} candidates`,
    ]),
    ...worst,
  ];
  return `  ${product.id}  ${facts.join("  ")}`;
}
