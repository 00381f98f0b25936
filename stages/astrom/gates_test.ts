import assert from "node:assert/strict";
import { failureOf, judge } from "./gates.ts";
import { chooseDegree } from "./solve.ts";

const THRESHOLDS = { maxRmsArcsec: 0.5, minMatched: 10, minContrast: 4 };
const GOOD = { astromRmsArcsec: 0.1, astromMatched: 50, astromContrast: 20 };

Deno.test("judge() passes a good solution", () => {
  const gates = judge(GOOD, THRESHOLDS);
  assert.deepEqual(gates.map(({ verdict }) => verdict), ["pass", "pass", "pass"]);
  assert.equal(failureOf(gates), undefined);
});

Deno.test("judge() fails each quantity by itself and failureOf() names value and threshold", () => {
  const large = judge({ ...GOOD, astromRmsArcsec: 0.5 }, THRESHOLDS);
  assert.equal(failureOf(large), "astrometric rms 0.5, wanted < 0.5 arcsec");
  const few = judge({ ...GOOD, astromMatched: 9 }, THRESHOLDS);
  assert.equal(failureOf(few), "matched stars 9, wanted >= 10");
  const faint = judge({ ...GOOD, astromContrast: 3.4 }, THRESHOLDS);
  assert.equal(failureOf(faint), "match contrast 3.4, wanted >= 4");
});

Deno.test("judge() fails what could not be measured", () => {
  const gates = judge({ ...GOOD, astromRmsArcsec: NaN }, THRESHOLDS);
  assert.equal(gates[0]!.value, null);
  assert.match(failureOf(gates)!, /rms unknown/);
});

Deno.test("chooseDegree() grows with the stars that both catalogues can give", () => {
  const frames = (sources: number) => [{ sources }, { sources }, { sources: 5 }];
  assert.equal(chooseDegree(frames(1000), {}), 3);
  assert.equal(chooseDegree(frames(1000), { stars: 100 }), 2);
  assert.equal(chooseDegree(frames(48), { stars: 4000 }), 1);
});
