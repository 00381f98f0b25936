/**
 * How the pixels of a raw file become one image: overscan, trim, amplifiers.
 *
 * Regions are believed where they fit the image. One that does not is stale: a
 * camera or program has trimmed the image and left the cards. It is reported,
 * never obeyed. The decision rests on cards and sizes alone, so that all frames
 * of a setup are treated alike.
 *
 * @module
 */

import type { FitsHeader } from "../../../fits/header.ts";
import { fits, overlap, parseSection, type Section, type Size, wholeSection } from "./section.ts";

/** What one amplifier reads, and where it goes. */
export interface Amplifier {
  /** Which of the file's images, from 0. */
  readonly image: number;
  /** Useful pixels, in the file's image. */
  readonly data: Section;
  /** Pixels that saw no light, in the file's image. */
  readonly overscan: Section | undefined;
  /** Column of the assembled image that its first one becomes. */
  readonly x: number;
  /** Row of the assembled image that its first one becomes. */
  readonly y: number;
  /** Whether its columns are put in from right to left. */
  readonly flipX: boolean;
  /** Whether its rows are put in from top to bottom. */
  readonly flipY: boolean;
  /** Electrons an ADU, where the file gives it for each amplifier. */
  readonly gainEAdu: number | undefined;
  /** What other amplifiers, read at the same time, add to it. */
  readonly crosstalk: readonly Crosstalk[];
}

/** Part of the signal of one amplifier that shows up in another. */
export interface Crosstalk {
  /** Index of the amplifier that it comes from. */
  readonly from: number;
  /** Part of that one's signal. */
  readonly part: number;
}

/** How the pixels of a raw file become one image. */
export interface RawLayout extends Size {
  readonly amplifiers: readonly Amplifier[];
  /** Whether the file's image is taken as it is. */
  readonly plain: boolean;
  /** Regions that do not fit and were not obeyed, such as `TRIMSEC=[17:528,1:520]`. */
  readonly stale: readonly string[];
}

/** Area of an assembled image over that of its amplifiers, at most. */
const LARGEST_GAPS = 1.1;

/** Regions that the site's table gives for a camera. */
export interface CameraRegions {
  readonly overscan?: string | undefined;
  readonly trim?: string | undefined;
}

/**
 * Works out the layout of a raw file.
 *
 * @param primary The file's first header.
 * @param images Headers of its images, with their sizes as NAXIS1 and NAXIS2.
 * @param camera Regions of `ccd.dat`, tried before the cards; for files of one image.
 * @returns The layout.
 */
export function layoutOf(
  primary: FitsHeader,
  images: readonly FitsHeader[],
  camera: CameraRegions = {},
): RawLayout {
  const mosaic = images.length > 1 ? mosaicLayout(primary, images) : undefined;
  if (mosaic !== undefined) return mosaic;
  const header = images[0] ?? primary;
  const size = sizeOf(header);
  const table = readRegions(size, [["trim", camera.trim]], [["overscan", camera.overscan]]);
  const cards = readCards(header, size);
  const { data, overscan } = table.data !== undefined ? table : cards;
  const trimmed = data ?? wholeSection(size);
  const plain = overscan === undefined && trimmed.width === size.width &&
    trimmed.height === size.height;
  return {
    width: trimmed.width,
    height: trimmed.height,
    plain,
    stale: [...table.stale, ...cards.stale],
    amplifiers: [{
      ...{ image: 0, data: trimmed, overscan, x: 0, y: 0, flipX: false, flipY: false },
      gainEAdu: undefined,
      crosstalk: [],
    }],
  };
}

interface Regions {
  readonly data: Section | undefined;
  readonly overscan: Section | undefined;
  readonly stale: readonly string[];
}

function readCards(header: FitsHeader, size: Size): Regions {
  const card = (keyword: string) => [keyword, header.text(keyword)] as const;
  return readRegions(size, [card("TRIMSEC"), card("DATASEC")], [card("BIASSEC")]);
}

type NamedText = readonly [name: string, text: string | undefined];

/** Takes the first useful region that fits; an overscan is taken only beside one. */
function readRegions(
  size: Size,
  trims: readonly NamedText[],
  overscans: readonly NamedText[],
): Regions {
  const stale: string[] = [];
  const choose = (texts: readonly NamedText[], extra: (section: Section) => boolean) => {
    for (const [name, text] of texts) {
      const section = text === undefined ? undefined : parseSection(text);
      if (section === undefined) continue;
      if (fits(section, size) && extra(section)) return section;
      stale.push(`${name}=${text!.replaceAll(" ", "")}`);
    }
    return undefined;
  };
  const data = choose(trims, () => true);
  const overscan = choose(overscans, (section) => data !== undefined && !overlap(section, data));
  return { data, overscan, stale };
}

/** Amplifiers of one detector, by the DETSEC of each; undefined if they have none. */
function mosaicLayout(
  primary: FitsHeader,
  images: readonly FitsHeader[],
): RawLayout | undefined {
  const parts = images.map((header) => {
    const detector = parseSection(header.text("DETSEC") ?? header.text("CCDSEC") ?? "");
    const regions = readCards(header, sizeOf(header));
    return detector &&
      { header, detector, regions, data: regions.data ?? wholeSection(sizeOf(header)) };
  });
  if (parts.some((part) => part === undefined)) return undefined;
  const known = parts.filter((part) => part !== undefined);
  const left = Math.min(...known.map(({ detector }) => detector.x));
  const bottom = Math.min(...known.map(({ detector }) => detector.y));
  const amplifiers = known.map(({ header, detector, regions, data }, image): Amplifier => {
    const gain = header.number("GAIN");
    return {
      image,
      data,
      overscan: regions.overscan,
      x: Math.round((detector.x - left) * data.width / detector.width),
      y: Math.round((detector.y - bottom) * data.height / detector.height),
      flipX: detector.flipX !== data.flipX,
      flipY: detector.flipY !== data.flipY,
      gainEAdu: gain !== undefined && gain > 0 ? gain : undefined,
      crosstalk: crosstalkOnto(image, known.map((part) => part.data), primary),
    };
  });
  if (!isOneDetector(amplifiers)) return undefined;
  return {
    width: Math.max(...amplifiers.map(({ x, data }) => x + data.width)),
    height: Math.max(...amplifiers.map(({ y, data }) => y + data.height)),
    plain: false,
    stale: known.flatMap(({ regions }) => regions.stale),
    amplifiers,
  };
}

/** Reads the cards CRSTLKij: the part of amplifier i's signal that shows up in j, from 1. */
function crosstalkOnto(
  onto: number,
  regions: readonly Section[],
  primary: FitsHeader,
): Crosstalk[] {
  const own = regions[onto]!;
  return regions.flatMap((region, from) => {
    const part = primary.number(`CRSTLK${from + 1}${onto + 1}`) ?? 0;
    const alike = region.width === own.width && region.height === own.height;
    return part !== 0 && from !== onto && alike ? [{ from, part }] : [];
  });
}

/** Of a mosaic of detectors, with gaps between them or regions that overlap, only the first is taken. */
function isOneDetector(amplifiers: readonly Amplifier[]): boolean {
  const places = amplifiers.map(({ x, y, data }) => ({ ...data, x, y }));
  const covered = places.reduce((sum, { width, height }) => sum + width * height, 0);
  const whole = Math.max(...places.map(({ x, width }) => x + width)) *
    Math.max(...places.map(({ y, height }) => y + height));
  const apart = places.every((a, i) => places.slice(i + 1).every((b) => !overlap(a, b)));
  return apart && whole <= LARGEST_GAPS * covered;
}

function sizeOf(header: FitsHeader): Size {
  return { width: header.number("NAXIS1") ?? 0, height: header.number("NAXIS2") ?? 1 };
}

/** Gain of the assembled image: the mean of its amplifiers'; undefined where one is not known. */
export function layoutGain(layout: RawLayout): number | undefined {
  const gains = layout.amplifiers.map(({ gainEAdu }) => gainEAdu);
  if (gains.some((gain) => gain === undefined)) return undefined;
  return gains.reduce<number>((sum, gain) => sum + gain!, 0) / gains.length;
}
