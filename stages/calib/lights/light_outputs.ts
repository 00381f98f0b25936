/**
 * The files of a calibrated light.
 *
 * @module
 */

import { join } from "node:path";
import { FitsHeader } from "../../../fits/header.ts";
import { createImage, type ImageWriter } from "../../../fits/image.ts";
import { setPlaneCards } from "../../../sky/mask.ts";
import type { LightRecipe } from "./light_recipe.ts";
import { type FileRows, writeFileRows } from "../frames/file_rows.ts";
import type { Size } from "../frames/section.ts";

/** Where the files are. */
export interface LightPaths {
  readonly path: string;
  readonly maskPath: string;
  readonly weightPath: string | undefined;
}

/** The same rows of all files of a light. */
export interface EncodedLight {
  readonly image: FileRows;
  readonly mask: FileRows;
  readonly weight: FileRows | undefined;
}

/** Image, mask and weights being written by strips. */
export class LightOutputs implements AsyncDisposable {
  readonly paths: LightPaths;
  readonly #image: ImageWriter;
  readonly #mask: ImageWriter;
  readonly #weight: ImageWriter | undefined;

  private constructor(
    paths: LightPaths,
    image: ImageWriter,
    mask: ImageWriter,
    weight: ImageWriter | undefined,
  ) {
    this.paths = paths;
    this.#image = image;
    this.#mask = mask;
    this.#weight = weight;
  }

  /**
   * Opens the files; they appear under their names when {@linkcode LightOutputs.finish} is called.
   *
   * @param recipe Id, folder, whether weights are wanted.
   * @param image Size and header of the image.
   */
  static async open(
    recipe: Pick<LightRecipe, "id" | "folder" | "weight" | "durable">,
    image: Size & { readonly header: FitsHeader },
  ): Promise<LightOutputs> {
    const { id, folder, durable = true } = recipe;
    const { width, height, header } = image;
    const paths: LightPaths = {
      path: join(folder, `${id}.fits`),
      maskPath: join(folder, `${id}.mask.fits`),
      weightPath: recipe.weight ? join(folder, `${id}.weight.fits`) : undefined,
    };
    const companion = (type: string, what: string) => companionHeader(id, header, type, what);
    const weight = companion("WEIGHT", "inverse variance").set("BUNIT", "adu-2", "unit");
    return new LightOutputs(
      paths,
      await createImage(paths.path, { ...image, durable }),
      await createImage(paths.maskPath, {
        ...{ width, height, bitpix: 16, bzero: 32768, durable },
        header: setPlaneCards(companion("MASK", "bit planes")),
      }),
      paths.weightPath === undefined
        ? undefined
        : await createImage(paths.weightPath, { width, height, durable, header: weight }),
    );
  }

  /** Header of the image; its cards may change until the end. */
  get header(): FitsHeader {
    return this.#image.header;
  }

  /** Writes the next rows. */
  async write({ image, mask, weight }: EncodedLight): Promise<void> {
    await writeFileRows([[this.#image, image], [this.#mask, mask], [this.#weight, weight]]);
  }

  /** Puts the files in their places, the image last. */
  async finish(): Promise<void> {
    await this.#weight?.finish();
    await this.#mask.finish();
    await this.#image.finish();
  }

  /** Drops what was not finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#image[Symbol.asyncDispose]();
    await this.#mask[Symbol.asyncDispose]();
    await this.#weight?.[Symbol.asyncDispose]();
  }
}

function companionHeader(id: string, image: FitsHeader, type: string, what: string): FitsHeader {
  const header = FitsHeader.from({
    IMAGETYP: [type, what],
    [type === "MASK" ? "MASKOF" : "WEIGHTOF"]: [`${id}.fits`, "image it belongs to"],
  });
  for (const keyword of ["OBJECT", "FILTER", "DATE-OBS", "EXPTIME"]) {
    const value = image.get(keyword);
    if (value !== undefined) header.set(keyword, value);
  }
  return header;
}
