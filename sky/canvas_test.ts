import assert from "node:assert/strict";
import { decode } from "fast-png";
import { rgbOf } from "./_raster.ts";
import { Canvas, loadFonts, type Rgb } from "./canvas.ts";
import { encodePng, type Picture } from "./png.ts";
import { escapeXml, svgToPng } from "./svg_png.ts";

const fonts = await loadFonts();
const BLACK = [0, 0, 0] as const;

/** Grey values of what resvg makes of a drawing. */
async function drawnByResvg(width: number, height: number, content: string): Promise<number[]> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `font-family="DejaVu Sans">${content}</svg>`;
  const { data, channels } = decode(await svgToPng(svg));
  return Array.from({ length: width * height }, (_, i) => data[i * channels]!);
}

const grayOf = ({ picture }: Canvas) => [...picture.data];

function compare(ours: readonly number[], theirs: readonly number[], most: number): void {
  const ink = theirs.reduce((sum, value) => sum + 255 - value, 0);
  const away = ours.reduce((sum, value, i) => sum + Math.abs(value - theirs[i]!), 0);
  assert.ok(ink > 0 && away < most * ink, `${away} of ${ink}`);
}

Deno.test("text() writes as resvg does, thin and bold, with accents and signs", async () => {
  const cases = [
    { text: "T09614 m600, 0.5 × 2″ − 3…", sizePx: 11, bold: false },
    { text: "Größe <é> & Ångström ±", sizePx: 15, bold: true },
  ];
  for (const { text, sizePx, bold } of cases) {
    const canvas = new Canvas(300, 24, fonts);
    canvas.text(text, 5.25, 17, { sizePx, bold, colour: BLACK });
    const theirs = await drawnByResvg(
      300,
      24,
      `<text x="5.25" y="17" font-size="${sizePx}" font-weight="${bold ? "bold" : "normal"}" ` +
        `style="font-kerning:none">${escapeXml(text)}</text>`,
    );
    compare(grayOf(canvas), theirs, 0.12); // a letter moved by half a pixel is off by half its ink
  }
});

Deno.test("text() stands about its place when anchored in the middle", () => {
  const canvas = new Canvas(101, 20, fonts);
  canvas.text("AVA", 50.5, 15, { sizePx: 12, colour: BLACK, anchor: "middle" });
  const dark = grayOf(canvas).flatMap((value, i) => value < 128 ? [i % 101] : []);
  assert.ok(Math.abs((Math.min(...dark) + Math.max(...dark)) / 2 - 50) <= 1);
});

Deno.test("polygon(), line() and frame() cover what resvg covers", async () => {
  const canvas = new Canvas(60, 40, fonts);
  canvas.polygon([[5.3, 3.1], [30.7, 12.2], [9.9, 33.4]], BLACK);
  canvas.line([35, 5], [55, 30], 2.5, BLACK);
  canvas.frame({ left: 33, top: 32, width: 20, height: 5 }, BLACK);
  const theirs = await drawnByResvg(
    60,
    40,
    `<path d="M5.3 3.1L30.7 12.2L9.9 33.4Z"/>` +
      `<path d="M35 5L55 30" stroke="black" stroke-width="2.5"/>` +
      `<rect x="33" y="32" width="20" height="5" fill="none" stroke="black"/>`,
  );
  compare(grayOf(canvas), theirs, 0.03);
});

Deno.test("what lies beyond the picture is cut off", () => {
  const canvas = new Canvas(4, 4, fonts);
  canvas.polygon([[-10, -10], [2, -10], [2, 30], [-10, 30]], BLACK);
  assert.deepEqual(grayOf(canvas).slice(0, 4), [0, 0, 255, 255]);
  assert.deepEqual(grayOf(canvas).slice(12), [0, 0, 255, 255]);
  canvas.text("beyond", 100, -100, { sizePx: 12, colour: BLACK });
});

/** Colours of the pixels of a PNG, by its palette if it has one. */
function coloursOf(png: Uint8Array): number[][] {
  const { data, channels, palette } = decode(png);
  return Array.from({ length: data.length / channels }, (_, i) => {
    if (palette) return [...palette[data[i]!]!];
    return channels === 1
      ? [data[i]!, data[i]!, data[i]!]
      : [...data.slice(3 * i, 3 * i + 3)] as number[];
  });
}

Deno.test("encodePng() writes greys, greys and some colours, and any colours", () => {
  const canvas = new Canvas(30, 10, fonts);
  const data = Uint8Array.from({ length: 256 }, (_, i) => i);
  canvas.image({ width: 32, height: 8, channels: 1, data }, {
    left: 0,
    top: 2,
    width: 30,
    height: 8,
  });
  const drawn = () => {
    const rgb = rgbOf(canvas.picture);
    return Array.from({ length: 300 }, (_, i) => [...rgb.slice(3 * i, 3 * i + 3)]);
  };
  const paint = (x: number, y: number, colour: Rgb) =>
    canvas.polygon([[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]], colour);
  assert.equal(canvas.picture.channels, 1);
  assert.deepEqual(coloursOf(encodePng(canvas.picture)), drawn());
  paint(10, 0, [1, 2, 3]);
  paint(20, 0, [200, 0, 0]);
  const numbered = coloursOf(encodePng(canvas.picture));
  assert.deepEqual(numbered[10], [1, 2, 3]);
  assert.deepEqual(numbered[20], [200, 0, 0]);
  drawn().forEach((colour, i) =>
    colour.forEach((value, k) => assert.ok(Math.abs(value - numbered[i]![k]!) <= 1))
  );
  paint(10, 0, [7, 7, 7]);
  paint(20, 0, [8, 8, 8]);
  assert.deepEqual(
    coloursOf(encodePng(canvas.picture)),
    drawn(),
    "of colours painted over nothing is left",
  );
  for (let i = 0; i < 20; i++) paint(i, 0, [i, 100, 200]);
  assert.equal(canvas.picture.channels, 3);
  assert.deepEqual(coloursOf(encodePng(canvas.picture)), drawn());
});

Deno.test("image() lays pictures with colours over each other, in their size and enlarged", () => {
  const canvas = new Canvas(4, 2, fonts);
  const [red, green] = [200 << 16, 100 << 8];
  const picture = (list: number[], numbers: number[]): Picture => {
    const data = Uint8Array.from(numbers, (_, i) => 10 * i);
    return {
      width: 2,
      height: 1,
      channels: 1,
      data,
      colours: { numbers: Uint8Array.from(numbers), list },
    };
  };
  canvas.image(picture([red], [1, 0]), { left: 0, top: 0, width: 4, height: 2 });
  canvas.image(picture([green, red], [1, 2]), { left: 2, top: 1, width: 2, height: 1 });
  const pixels = coloursOf(encodePng(canvas.picture));
  const [RED, GREEN, GREY] = [[200, 0, 0], [0, 100, 0], [10, 10, 10]];
  assert.deepEqual(pixels, [RED, RED, GREY, GREY, RED, RED, GREEN, RED]);
  const nine = Array.from({ length: 9 }, (_, i) => 1 + i);
  const many: Picture = { ...picture(nine, [8, 9]), channels: 1 };
  canvas.image(many, { left: 0, top: 0, width: 2, height: 1 });
  const all = coloursOf(encodePng(canvas.picture));
  assert.deepEqual(all, [[0, 0, 8], [0, 0, 9], ...pixels.slice(2)]);
});
