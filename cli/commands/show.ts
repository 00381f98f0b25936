/**
 * `gppy show`: what a manifest says, for people.
 *
 * @module
 */

import { Command } from "commander";
import type { Manifest, Product } from "../../stages/manifest.ts";
import { parseManifest, readManifest } from "../../stages/manifest_file.ts";
import { describeRun, oneLine, usableImages } from "../summary.ts";
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
    `${entry.stage}\t${entry.id}\t${entry.error}\t${oneLine(entry.message)}`
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
    const images = usableImages(manifest, kind);
    return images.length === 0
      ? []
      : [`${kind}s:`, ...images.map((image) => describeImage(image, manifest))];
  });
  return [describeRun(manifest, elapsed), ...lists].join("\n");
}

/** What may have been measured on an image, in the order in which it is told. */
const FACTS: readonly (readonly [key: string, name: string, digits: number, unit: string])[] = [
  ["astromRmsArcsec", "rms", 3, "″"],
  ["seeingArcsec", "seeing", 2, "″"],
  ["zeroPoint", "zp", 3, ""],
  ["depth5", "depth", 2, ""],
  ["inputs", "frames", 0, ""],
  ["noiseAdu", "noise", 2, " ADU"],
  ["kernelStars", "kernel stars", 0, ""],
  ["pullSigma", "difference over noise", 3, ""],
];

function describeImage(product: Product, manifest: Manifest): string {
  const facts = FACTS.flatMap(([key, name, digits, unit]) => {
    const value = product.measured[key];
    return typeof value === "number" ? [`${name} ${value.toFixed(digits)}${unit}`] : [];
  });
  const found = manifest.products
    .filter(({ kind, from }) => kind === "transients" && from.includes(product.id))
    .map(({ measured }) =>
      `${measured.transients} transients of ${measured.candidates} candidates` +
      (measured.suspect ? `, suspect: ${measured.suspect}` : "")
    );
  const worst = product.gates.filter((gate) => gate.verdict !== "pass")
    .map((gate) => `${gate.name} ${gate.verdict}`);
  return ["  " + product.id, ...facts, ...found, ...worst].join("  ");
}
