/**
 * A scratch folder in which programs see plain, short file names.
 *
 * The programs of astromatic.net split names at blanks, commas and brackets and
 * cut long ones, so they get links with names of our own and run inside the folder.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { DataError } from "../config/errors.ts";
import { makeScratchFolder } from "../config/scratch_folder.ts";
import { isPacked } from "../fits/file.ts";
import { unpackImage } from "../fits/image.ts";

/** A folder that vanishes with its content when it is disposed of, or after its process was killed. */
export class Scratch implements AsyncDisposable {
  /** Absolute path. */
  readonly folder: string;
  #count = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Makes a scratch folder beside a file to come, so that results can be renamed into place.
   *
   * @param output Path of the file to come; its folder exists.
   */
  static beside(output: string): Scratch {
    return new Scratch(makeScratchFolder(`.${basename(output)}.part-`, dirname(resolve(output))));
  }

  /** Makes a scratch folder where the system keeps temporary files. */
  static temporary(): Scratch {
    return new Scratch(makeScratchFolder("gppy-"));
  }

  /** Path of a file of the scratch folder. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /**
   * Links a file into the folder.
   *
   * @param source The file.
   * @param name Its name there; a new plain one if left out.
   * @returns The name.
   */
  async link(source: string, name: string = `in${++this.#count}.fits`): Promise<string> {
    const [from, to] = [resolve(source), this.path(name)];
    try {
      await Deno.symlink(from, to);
    } catch (error) {
      // Deno makes symbolic links only for programs that may read and write everywhere.
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
      await Deno.link(from, to).catch(() => Deno.copyFile(from, to));
    }
    return name;
  }

  /**
   * Links an image into the folder; a tile-compressed one is unpacked there, for few programs read it.
   *
   * @param source The image.
   * @param name Its name there; a new plain one if left out.
   * @returns The name.
   */
  async linkImage(source: string, name: string = `in${++this.#count}.fits`): Promise<string> {
    if (!await isPackedImage(source)) return await this.link(source, name);
    await unpackImage(source, this.path(name));
    return name;
  }

  /** Writes a text file and returns its name. */
  async write(name: string, text: string): Promise<string> {
    await Deno.writeTextFile(this.path(name), text);
    return name;
  }

  /** Moves a finished file to its place. */
  async keep(name: string, target: string): Promise<void> {
    await Deno.rename(this.path(name), target);
  }

  /** Whether the folder holds a file of this name. */
  async has(name: string): Promise<boolean> {
    return await Deno.stat(this.path(name)).then(() => true, () => false);
  }

  /** Removes the folder and all in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/** What is no FITS file is for the program to refuse. */
async function isPackedImage(path: string): Promise<boolean> {
  try {
    return await isPacked(path);
  } catch (error) {
    if (error instanceof DataError) return false;
    throw error;
  }
}
