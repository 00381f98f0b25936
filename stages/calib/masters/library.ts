/**
 * The masters at hand: tonight's, and those borrowed from earlier nights.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import { type RawFrame, sameSetup, sameSize, type Setup, sizeText } from "../frames/frame.ts";
import { describeGroup, type MasterType } from "../frames/groups.ts";
import { chooseDark, type DarkFit, type DarkLimits } from "./choose_dark.ts";
import type { Master } from "./master.ts";
import { borrowMasters, otherSize } from "./master_tree.ts";

/** A master and whether it is of another night, or of an earlier run of this one. */
export interface FoundMaster {
  readonly master: Master;
  readonly borrowed: boolean;
  /** Of a dark: how it suits. */
  readonly fit?: DarkFit;
}

/** A dark is chosen from the masters of so many nights that have one. */
const DARK_NIGHTS = 90;

/** What a master is wanted for. */
export interface MasterWish {
  readonly type: MasterType;
  readonly setup: Setup;
  readonly filter: string;
  /** Exposure of the frame to calibrate. */
  readonly exposureS: number;
  readonly temperatureC: number | undefined;
}

/** The masters at hand. */
export class MasterLibrary {
  readonly #own: Master[] = [];
  readonly #borrowed = new Map<string, Promise<Master[]>>();
  readonly #root: string;
  readonly #night: string;

  readonly #limits: DarkLimits;

  /**
   * @param root The master tree.
   * @param night `YYYYMMDD`; masters of later nights are not taken.
   * @param limits When a dark is too warm, too cold or too old.
   */
  constructor(root: string, night: string, limits: DarkLimits) {
    this.#root = root;
    this.#night = night;
    this.#limits = limits;
  }

  /** Takes in a master made tonight. */
  add(master: Master): void {
    this.#own.push(master);
  }

  /** Masters made tonight. */
  get own(): readonly Master[] {
    return this.#own;
  }

  /**
   * Finds the best master: of biases and flats tonight's, else that of the nearest earlier
   * night; of darks the one that suits best; undefined if none.
   */
  async find(wish: MasterWish): Promise<FoundMaster | undefined> {
    const own = this.#own.filter((master) =>
      master.type === wish.type && sameSetup(master.setup, wish.setup) &&
      (wish.type !== "flat" || master.filter === wish.filter)
    );
    if (wish.type !== "dark") {
      const master = own[0] ?? (await this.#borrow(wish))[0];
      return master && { master, borrowed: own.length === 0 };
    }
    const others = (await this.#borrow(wish)).filter(({ path }) =>
      own.every((master) => master.path !== path)
    );
    const fit = chooseDark([...own, ...others], { ...wish, night: this.#night }, this.#limits);
    return fit && { master: fit.dark, borrowed: !own.includes(fit.dark), fit };
  }

  /**
   * Finds the best master for a frame.
   *
   * @throws {DataError} If there is none; it names the sizes when only the size is wrong.
   */
  async require(frame: RawFrame, type: MasterType): Promise<FoundMaster> {
    const wish = wishOf(frame, type);
    const found = await this.find(wish);
    if (found !== undefined) return found;
    const other = await this.#otherSize(wish);
    const what = describeGroup(type === "flat" ? wish : { ...wish, filter: "" });
    const state = other === undefined
      ? `no ${what} for ${wish.setup.unit} in this night nor in the master tree before it`
      : `it is ${sizeText(wish.setup)}, the ${type} frames are ${sizeText(other)}`;
    throw new DataError(`Cannot calibrate "${frame.product.id}": ${state}`, {
      details: {
        file: frame.product.path,
        missing: type,
        filter: frame.product.filter ?? null,
        size: sizeText(wish.setup),
        otherSize: other === undefined ? null : sizeText(other),
        masters: this.#root,
      },
    });
  }

  #borrow(wish: MasterWish): Promise<Master[]> {
    const { type, setup, filter } = wish;
    const key = JSON.stringify([type, setup, type === "flat" ? filter : ""]);
    const known = this.#borrowed.get(key) ??
      borrowMasters(
        this.#root,
        { type, setup, filter, night: this.#night },
        type === "dark" ? DARK_NIGHTS : 1,
      );
    this.#borrowed.set(key, known);
    return known;
  }

  async #otherSize(wish: MasterWish): Promise<Setup | undefined> {
    const own = this.#own.find((master) =>
      master.type === wish.type && master.setup.unit === wish.setup.unit &&
      !sameSize(master.setup, wish.setup)
    );
    return own?.setup ?? await otherSize(this.#root, { ...wish, night: this.#night });
  }
}

/** What a frame needs of a type. */
export function wishOf(frame: RawFrame, type: MasterType): MasterWish {
  return {
    type,
    setup: frame.setup,
    filter: frame.product.filter ?? "",
    exposureS: frame.product.exposureS ?? 0,
    temperatureC: frame.product.temperatureC,
  };
}
