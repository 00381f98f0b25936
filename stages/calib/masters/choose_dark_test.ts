import assert from "node:assert/strict";
import { chooseDark, nightsBetween } from "./choose_dark.ts";
import type { Master } from "./master.ts";

const LIMITS = { darkTemperatureC: 2, darkMaxAge: 30 };

function dark(exposureS: number, temperatureC: number | undefined, night: string): Master {
  return {
    type: "dark",
    setup: { unit: "U", width: 1, height: 1, binning: "1x1", gain: NaN, overscan: false },
    filter: "",
    exposureS,
    temperatureC,
    night,
    id: `${exposureS}-${night}-dark`,
    path: `/${exposureS}-${night}-${temperatureC}`,
    level: 0,
    sigma: 1,
    noise: 1,
    accepted: true,
  };
}

function chosen(darks: readonly Master[], exposureS: number, temperatureC?: number) {
  return chooseDark(darks, { exposureS, temperatureC, night: "20240423" }, LIMITS);
}

Deno.test("chooseDark() prefers the nearest exposure to the nearest temperature and date", () => {
  const fit = chosen([dark(60, -10, "20240423"), dark(100, -9, "20240410")], 100, -10)!;
  assert.equal(fit.dark.id, "100-20240410-dark");
  assert.deepEqual([fit.scale, fit.temperatureDiffC, fit.ageNights], [1, -1, 13]);
  assert.ok(fit.withinLimits);
});

Deno.test("chooseDark() takes the nearest temperature among darks of one exposure, then the latest", () => {
  const darks = [
    dark(100, -9, "20240422"),
    dark(100, -10.1, "20240401"),
    dark(100, -9.9, "20240415"),
  ];
  assert.equal(chosen(darks, 100, -10)?.dark.night, "20240415");
  assert.equal(chosen(darks, 100, -9)?.dark.night, "20240422");
  assert.equal(chosen(darks, 100)?.dark.night, "20240422", "temperature unknown: the latest");
});

Deno.test("chooseDark() takes a dark beyond the limits only if there is no other", () => {
  const [warm, old] = [dark(100, 5, "20240423"), dark(100, -10, "20230101")];
  assert.equal(chosen([warm, old, dark(60, -10, "20240423")], 100, -10)?.dark.exposureS, 60);
  assert.equal(chosen([warm], 100, -10)?.withinLimits, false);
  assert.equal(chosen([old], 100, -10)?.withinLimits, false);
});

Deno.test("chooseDark() scales down rather than up by the same ratio", () => {
  assert.equal(chosen([dark(50, -10, "20240423"), dark(200, -10, "20240423")], 100)?.scale, 0.5);
  assert.equal(chosen([dark(0, -10, "20240423")], 100), undefined);
});

Deno.test("nightsBetween() counts over months and leap days", () => {
  assert.equal(nightsBetween("20240228", "20240301"), 2);
  assert.equal(nightsBetween("20240423", "20240420"), 0);
});
