/**
 * Draws SVG as PNG without a browser, with the DejaVu Sans font.
 *
 * @module
 */

import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { readFontFiles, readPackageFile } from "./_package_file.ts";

/** The font that all pictures use. */
export const FONT_FAMILY = "DejaVu Sans";

let fonts: Promise<Uint8Array[]> | undefined;

/** Loads the renderer and the fonts, once a process. */
function loadRenderer(): Promise<Uint8Array[]> {
  fonts ??= (async () => {
    await initWasm(await readPackageFile("@resvg/resvg-wasm/index_bg.wasm"));
    return [...await readFontFiles()];
  })();
  return fonts;
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
