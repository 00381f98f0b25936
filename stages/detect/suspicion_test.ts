import assert from "node:assert/strict";
import { randomNumbers } from "../subtract/_synthetic_pair.ts";
import type { Candidate, Sign } from "./candidate.ts";
import { judgeCandidates, type KnownSources, sharedOffset } from "./suspicion.ts";

const SEEING_PX = 4;
const LIMITS = { maxSharedOffset: 0.2, maxPerSource: 0.5 };

const NOTHING: Candidate = {
  ...{ number: 1, sign: 1, x: 0, y: 0, raDeg: NaN, decDeg: NaN, fluxAdu: [], fluxErrorAdu: [] },
  ...{ snr: 10, fwhmPx: SEEING_PX, ellipticity: 0, elongation: 1, negativeDistancePx: Infinity },
  ...{ dipoleRatio: 0, maskedFraction: 0, referenceFraction: 1, referenceContrast: Infinity },
  ...{ apertureDifferenceMag: 0, apertureDifferenceErrorMag: 0 },
};

function candidate(x: number, y: number, flux: number, sign: Sign = 1): Candidate {
  return { ...NOTHING, x, y, sign, fluxAdu: [flux, flux, flux] };
}

/** Sources at random places, few bright ones and many faint. */
function field(count: number, sidePx: number, seed: number): KnownSources {
  const random = randomNumbers(seed);
  const draw = (value: () => number) => Array.from({ length: count }, value);
  const at = () => random() * sidePx;
  return { x: draw(at), y: draw(at), fluxAdu: draw(() => 200 / (random() + 0.002)) };
}

/** Candidates anywhere. */
function anywhere(count: number, sidePx: number, seed: number): Candidate[] {
  const random = randomNumbers(seed);
  return Array.from(
    { length: count },
    () => candidate(random() * sidePx, random() * sidePx, 300, random() < 0.5 ? 1 : -1),
  );
}

/** A ghost of every star that is bright enough, a tenth as bright, with an error of 0.7 px. */
function ghosts({ x, y, fluxAdu }: KnownSources, sign: Sign): Candidate[] {
  const random = randomNumbers(9);
  const error = () => 1.4 * (random() - 0.5);
  return Array.from(x, (_, i) => i).filter((i) => fluxAdu[i]! > 2000)
    .map((i) => candidate(x[i]! - 20 + error(), y[i]! + 11 + error(), 0.1 * fluxAdu[i]!, sign));
}

Deno.test("candidates at random places are never doubted, in empty fields and in crowded ones", () => {
  let worst = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const sources = field([30, 600, 3000][seed % 3]!, 500, seed);
    const found = anywhere([3, 12, 60, 300][seed % 4]!, 500, 1000 + seed);
    for (const sign of [1, -1] as const) {
      const own = found.filter((one) => one.sign === sign);
      worst = Math.max(worst, sharedOffset(own, sources, SEEING_PX, sign).part);
    }
  }
  assert.ok(worst < 0.1, `${worst}`);
});

Deno.test("a ghost of every star is told by its offset, of either sign, between other candidates", () => {
  const sources = field(500, 600, 4);
  for (const sign of [1, -1] as const) {
    const all = [...ghosts(sources, sign), ...anywhere(30, 600, 5)];
    const { gates, reason } = judgeCandidates(all, sources, SEEING_PX, LIMITS);
    assert.deepEqual(gates.map(({ verdict }) => verdict), ["degraded", "pass"]);
    const word = sign > 0 ? "brightened" : "faded";
    assert.match(
      reason!,
      new RegExp(`^\\d+ % of what ${word} stands \\((-19|-2[01]), 1[012]\\) px`),
    );
  }
});

Deno.test("residuals of the stars themselves are left to the flags", () => {
  const sources = field(300, 600, 4);
  const beside = Array.from(sources.x, (x, i) => candidate(x + 5, sources.y[i]!, 20));
  const { gates } = judgeCandidates(beside.slice(0, 100), sources, SEEING_PX, LIMITS);
  assert.equal(gates[0]!.verdict, "pass", `${gates[0]!.value}`);
});

Deno.test("more candidates than half the sources are too many, unless both are few", () => {
  const sources = field(40, 500, 4);
  const judge = (count: number) =>
    judgeCandidates(anywhere(count, 500, 8), sources, SEEING_PX, LIMITS);
  assert.equal(judge(19).reason, undefined);
  assert.equal(judge(20).reason, undefined);
  assert.match(judge(30).reason!, /^30 candidates, 0\.75 a source, wanted <= 0\.5$/);
});

Deno.test("without a catalogue nothing is said", () => {
  const { gates, reason } = judgeCandidates(anywhere(500, 100, 1), undefined, SEEING_PX, LIMITS);
  assert.deepEqual(gates.map(({ value, verdict }) => [value, verdict]), [
    ...[[null, "pass"], [null, "pass"]],
  ]);
  assert.equal(reason, undefined);
});
