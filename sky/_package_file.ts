/**
 * Files of npm packages that are read as they are: fonts, WebAssembly.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";

/**
 * Reads a file of an npm package: installed beside this module, beside the program
 * (when compiled or bundled), or in the current folder.
 *
 * @param specifier Name of the package and path within it.
 * @returns The bytes.
 * @throws {DataError} If the package is not installed.
 */
export async function readPackageFile(specifier: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(new URL(import.meta.resolve(specifier)));
  } catch {
    return await readInstalled(specifier); // a bundle knows no packages by name
  }
}

async function readInstalled(specifier: string): Promise<Uint8Array<ArrayBuffer>> {
  const { createRequire } = await import("node:module");
  const { pathToFileURL } = await import("node:url");
  const inFolder = `${pathToFileURL(Deno.cwd()).href}/x.js`;
  const places = [import.meta.url, pathToFileURL(Deno.execPath()).href, inFolder];
  let cause: unknown;
  for (const place of places) {
    try {
      return await Deno.readFile(createRequire(place).resolve(specifier));
    } catch (error) {
      cause ??= error;
    }
  }
  throw new DataError(`Cannot draw pictures: package file "${specifier}" is not at hand`, {
    details: { file: specifier },
    cause,
  });
}

let fonts: Promise<readonly [normal: Uint8Array, bold: Uint8Array]> | undefined;

/**
 * Reads DejaVu Sans and DejaVu Sans Bold, once a process.
 *
 * @returns The TrueType files.
 * @throws {DataError} If they are not installed.
 */
export function readFontFiles(): Promise<readonly [normal: Uint8Array, bold: Uint8Array]> {
  const file = (name: string) => readPackageFile(`dejavu-fonts-ttf/ttf/${name}.ttf`);
  return fonts ??= Promise.all([file("DejaVuSans"), file("DejaVuSans-Bold")]);
}
