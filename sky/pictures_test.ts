import assert from "node:assert/strict";
import { join } from "node:path";
import { decode } from "fast-png";
import { readImage } from "../fits/image.ts";
import { DATA, testWithData } from "./_testing.ts";
import { grayPng, svgToPng, zscale } from "./pictures.ts";
import { histogramPlotSvg, scatterPlotSvg } from "./plots.ts";
import reference from "./testdata/zscale.json" with { type: "json" };

testWithData("zscale() agrees with astropy's ZScaleInterval on real frames", async () => {
  for (const { file, lo, hi } of reference.zscale) {
    const { data } = await readImage(join(DATA, file));
    const [ourLo, ourHi] = zscale(data);
    const tolerance = 1e-6 * (hi - lo);
    assert.ok(Math.abs(ourLo - lo) < tolerance, `${file}: ${ourLo} ${lo}`);
    assert.ok(Math.abs(ourHi - hi) < tolerance, `${file}: ${ourHi} ${hi}`);
  }
});

Deno.test("zscale() of nothing, of one value and of a few values", () => {
  assert.deepEqual(zscale([NaN]), [0, 1]);
  assert.deepEqual(zscale(new Float32Array(500).fill(3)), [3, 3]);
  const [lo, hi] = zscale([1, 2, 3]);
  assert.ok(lo === 1 && hi === 3);
});

Deno.test("grayPng() puts row 0 at the bottom, and black and white at the limits", () => {
  const data = Float32Array.of(0, 50, 100, -5, 500, 25);
  const { width, height, channels, data: pixels } = decode(grayPng(data, 3, 2, { lo: 0, hi: 100 }));
  assert.deepEqual([width, height, channels], [3, 2, 1]);
  assert.deepEqual([...pixels], [0, 255, 64, 0, 128, 255]);
  const top = decode(grayPng(data, 3, 2, { lo: 0, hi: 100, flipY: false })).data;
  assert.deepEqual([...top], [0, 128, 255, 0, 255, 64]);
});

Deno.test("grayPng() repeats pixels, averages pixels, and colours what has no value", () => {
  const large = decode(grayPng([0, 1], 2, 1, { lo: 0, hi: 1, scale: 3 }));
  assert.deepEqual([large.width, large.height, large.data[2], large.data[3]], [6, 3, 0, 255]);
  const small = decode(grayPng([0, 1, 0, 1, NaN, 1, 1, 1], 4, 2, { lo: 0, hi: 1, scale: 0.5 }));
  assert.deepEqual([small.width, small.height, small.channels], [2, 1, 1]);
  assert.deepEqual([...small.data], [Math.round(255 * 2 / 3), 191]);
  const hole = decode(grayPng([NaN, 1], 2, 1, { lo: 0, hi: 1 }));
  assert.deepEqual([...hole.data].map((number) => [...hole.palette![number]!]), [
    [96, 112, 144],
    [255, 255, 255],
  ]);
});

Deno.test("scatterPlotSvg() draws finite points, error bars, lines and a legend; a PNG comes of it", async () => {
  const svg = scatterPlotSvg({
    title: "Zero point",
    xLabel: "Magnitude (mag)",
    yLabel: "Zero point (mag)",
    series: [
      {
        x: [12, 13, NaN, 15],
        y: [23, 23.1, 23, Infinity],
        yError: [0.1, NaN, 1, 1],
        label: "used",
      },
      { x: [14], y: [22.9], marker: "cross" },
    ],
    lines: [{ y: 23, label: "median" }, { x: 13, dashed: true }],
    bands: [{ from: 22.95, to: 23.05 }],
  });
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
  assert.equal(svg.match(/<circle/g)?.length, 3, "two points and one in the legend");
  for (const text of ["Zero point", "Magnitude (mag)", "used", "median"]) {
    assert.ok(svg.includes(text));
  }
  const { width, height } = decode(await svgToPng(svg, 900));
  assert.deepEqual([width, height], [900, 575]);
});

Deno.test("plots of nothing still have axes", () => {
  const titles = { title: "t", xLabel: "x", yLabel: "y" };
  for (
    const svg of [
      scatterPlotSvg({ ...titles, series: [] }),
      histogramPlotSvg({ ...titles, values: [NaN] }),
    ]
  ) {
    assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
    assert.ok(svg.includes(">x</text>"));
  }
});

Deno.test("an axis can be turned round, and its numbers are round", () => {
  const svg = scatterPlotSvg({
    title: "t",
    xLabel: "x",
    yLabel: "y",
    series: [{ x: [1, 2], y: [18, 21] }],
    yRange: [22, 17],
  });
  const at = (text: string) => Number(new RegExp(`y="([\\d.]+)"[^>]*>${text}<`).exec(svg)?.[1]);
  assert.ok(at("18") < at("21"), "the brighter stands higher");
});

Deno.test("histogramPlotSvg() counts every value once", () => {
  const svg = histogramPlotSvg({
    title: "t",
    xLabel: "x",
    yLabel: "y",
    values: [0.1, 0.2, 0.9, 5],
    xRange: [0, 1],
    bins: 2,
  });
  const heights = [...svg.matchAll(/height="([\d.]+)" fill="#0072b2"/g)].map(([, h]) => Number(h));
  assert.equal(heights.length, 2);
  assert.ok(Math.abs(heights[0]! / heights[1]! - 2) < 0.01);
});
