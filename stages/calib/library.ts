/**
 * The masters at hand: tonight's, and those borrowed from earlier nights.
 *
 * @module
 */

import { DataError } from "../../config/errors.ts";
import { type RawFrame, sameSetup, sameSize, type Setup, sizeText } from "./frame.ts";
import { describeGroup, type MasterType } from "./groups.ts";
import { bestDark, borrowMasters, type Master, otherSize } from "./master.ts";

/** A master and whether it is of another night, or of an earlier run of this one. */
export interface FoundMaster {
  readonly master: Master;
  readonly borrowed: boolean;
}

/** What a master is wanted for. */
export interface MasterWish {
  readonly type: MasterType;
  readonly setup: Setup;
  readonly filter: string;
  /** Exposure of the frame to calibrate. */
  readonly exposureS: number;
}

/** The masters at hand. */
export class MasterLibrary {
  readonly #own: Master[] = [];
  readonly #borrowed = new Map<string, Promise<Master[]>>();
  readonly #root: string;
  readonly #night: string;

  /**
   * @param root The master tree.
   * @param night `YYYYMMDD`; masters of later nights are not taken.
   */
  constructor(root: string, night: string) {
    this.#root = root;
    this.#night = night;
  }

  /** Takes in a master made tonight. */
  add(master: Master): void {
    this.#own.push(master);
  }

  /** Masters made tonight. */
  get own(): readonly Master[] {
    return this.#own;
  }

  /** Finds the best master: tonight's, else of the nearest earlier night; undefined if none. */
  async find(wish: MasterWish): Promise<FoundMaster | undefined> {
    const fitting = this.#own.filter((master) =>
      master.type === wish.type && sameSetup(master.setup, wish.setup) &&
      (wish.type !== "flat" || master.filter === wish.filter)
    );
    const own = choose(fitting, wish);
    if (own !== undefined) return { master: own, borrowed: false };
    const borrowed = choose(await this.#borrow(wish), wish);
    return borrowed && { master: borrowed, borrowed: true };
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
      borrowMasters(this.#root, { type, setup, filter, night: this.#night });
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

function choose(masters: readonly Master[], wish: MasterWish): Master | undefined {
  return wish.type === "dark" ? bestDark(masters, wish.exposureS) : masters[0];
}

/** What a frame needs of a type. */
export function wishOf(frame: RawFrame, type: MasterType): MasterWish {
  return {
    type,
    setup: frame.setup,
    filter: frame.product.filter ?? "",
    exposureS: frame.product.exposureS ?? 0,
  };
}
