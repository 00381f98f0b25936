/**
 * Draws SVG as PNG without a browser, with the DejaVu Sans font.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { DataError } from "../config/errors.ts";

/** The font that all pictures use. */
export const FONT_FAMILY = "DejaVu Sans";

const FONT_FILES = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"];

let fonts: Promise<Uint8Array[]> | undefined;

/** Loads the renderer and the fonts, once a process. */
function loadRenderer(): Promise<Uint8Array[]> {
  fonts ??= (async () => {
    await initWasm(await readPackageFile("@resvg/resvg-wasm/index_bg.wasm"));
    return await Promise.all(
      FONT_FILES.map((name) => readPackageFile(`dejavu-fonts-ttf/ttf/${name}`)),
    );
  })();
  return fonts;
}

/**
 * Reads a file of an npm package: installed beside this module, beside the program
 * (when compiled or bundled), or in the current folder.
 */
async function readPackageFile(specifier: string): Promise<Uint8Array<ArrayBuffer>> {
  const places = [import.meta.url, pathToFileURL(process.execPath).href, `${cwdUrl()}/x.js`];
  let cause: unknown;
  for (const place of places) {
    try {
      return new Uint8Array(await readFile(createRequire(place).resolve(specifier)));
    } catch (error) {
      cause ??= error;
    }
  }
  throw new DataError(`Cannot draw pictures: package file "${specifier}" is not at hand`, {
    details: { file: specifier },
    cause,
  });
}

function cwdUrl(): string {
  return pathToFileURL(process.cwd()).href;
}

/**
 * Draws an SVG as PNG.
 *
 * @param svg The drawing; text in "DejaVu Sans" (bold too).
 * @param width Width of the picture in pixels; the drawing's own if left out.
 * @returns The PNG file's bytes.
 * @throws {DataError} If the renderer or the fonts are not installed.
 */
export async function svgToPng(svg: string, width?: number): Promise<Uint8Array> {
  const fontBuffers = await loadRenderer();
  const renderer = new Resvg(svg, {
    ...(width !== undefined && { fitTo: { mode: "width", value: width } }),
    font: { fontBuffers, defaultFontFamily: FONT_FAMILY, loadSystemFonts: false },
    background: "white",
  });
  try {
    const image = renderer.render();
    try {
      return image.asPng();
    } finally {
      image.free();
    }
  } finally {
    renderer.free();
  }
}

/**
 * Makes text safe inside SVG.
 *
 * @param text Anything.
 * @returns The text with `&`, `<`, `>` and `"` escaped, control characters left out.
 */
export function escapeXml(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    // deno-lint-ignore no-control-regex -- XML forbids them even when escaped
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");
}
