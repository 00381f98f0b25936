import assert from "node:assert/strict";
import fc from "fast-check";
import { FWHM_PER_SIGMA, gaussian, matchingFwhmPx, moffat, sampleKernel } from "./psf.ts";

const width = fc.double({ min: 1, max: 12, noNaN: true });

Deno.test("profiles fall to half at half their width and hold a flux of 1", () => {
  fc.assert(fc.property(width, fc.double({ min: 2, max: 6, noNaN: true }), (fwhm, beta) => {
    for (const profile of [moffat(fwhm, beta), gaussian(fwhm)]) {
      assert.ok(Math.abs(profile.at(fwhm / 2) / profile.at(0) - 0.5) < 1e-9);
      let sum = 0;
      const [step, reach] = [fwhm / 400, 3 * fwhm];
      for (let r = step / 2; r < reach; r += step) sum += 2 * Math.PI * r * step * profile.at(r);
      assert.ok(Math.abs(sum - profile.enclosed(reach)) < 1e-4, `${sum}`);
      assert.ok(profile.enclosed(1e6) > 0.999999);
    }
  }));
});

Deno.test("sampleKernel() sums to 1, or to the flux inside, and its centre lies where asked", () => {
  const kernel = sampleKernel(gaussian(4), { size: 31, offsetX: 0.3, offsetY: -0.7 });
  let [sum, x, y] = [0, 0, 0];
  kernel.forEach((value, i) => {
    sum += value;
    x += value * (i % 31 - 15);
    y += value * (Math.floor(i / 31) - 15);
  });
  assert.ok(Math.abs(sum - 1) < 1e-12);
  assert.ok(Math.abs(x - 0.3) < 1e-4 && Math.abs(y + 0.7) < 1e-4, `${x} ${y}`);
  const cut = sampleKernel(moffat(6, 2.5), { size: 9, normalize: false }).reduce((a, b) => a + b);
  assert.ok(cut > moffat(6, 2.5).enclosed(4.5) && cut < moffat(6, 2.5).enclosed(4.5 * Math.SQRT2));
});

Deno.test("matchingFwhmPx() is the Gaussian that blurs one width into another", () => {
  assert.equal(matchingFwhmPx(3, 5), 4);
  assert.equal(matchingFwhmPx(5, 3), 0);
  assert.ok(Math.abs(FWHM_PER_SIGMA - 2.3548200450309493) < 1e-15);
});
