import assert from "node:assert/strict";
import { DataError } from "../../config/errors.ts";
import { FitsHeader } from "../../fits/header.ts";
import { wcsFromHeader } from "../../sky/wcs.ts";
import { headCards, headText, mergeHead } from "./head_text.ts";

const HEAD = `HISTORY   Astrometric solution by SCAMP version 2.10.0 (2020-12-01)
COMMENT   (c) 2010-2018 Sorbonne Université/Université de Bordeaux/CNRS
EQUINOX =        2000.00000000 / Mean equinox
RADESYS = 'ICRS    '           / Astrometric system
CTYPE1  = 'RA---TPV'           / WCS projection type for this axis
CTYPE2  = 'DEC--TPV'           / WCS projection type for this axis
CUNIT1  = 'deg     '           / Axis unit
CUNIT2  = 'deg     '           / Axis unit
CRVAL1  =   2.198356950413E+02 / World coordinate on this axis
CRVAL2  =  -9.767472716149E+00 / World coordinate on this axis
CRPIX1  =   1.004276361653E+03 / Reference pixel on this axis
CRPIX2  =   1.014397130075E+03 / Reference pixel on this axis
CD1_1   =  -1.304844557421E-04 / Linear projection matrix
CD1_2   =  -1.204969089287E-06 / Linear projection matrix
CD2_1   =   1.189917972747E-06 / Linear projection matrix
CD2_2   =  -1.304764182758E-04 / Linear projection matrix
PV1_0   =  -1.155793811679E-06 / Projection distortion parameter
PV1_1   =   1.000134838891E+00 / Projection distortion parameter
PV2_0   =   1.040867222224E-05 / Projection distortion parameter
PV2_1   =   1.000237806202E+00 / Projection distortion parameter
FGROUPNO=                    1 / SCAMP field group label
ASTRRMS1=   3.342399635783E-05 / Astrom. dispersion RMS (ref., high S/N)
ASTRRMS2=                  nan / Astrom. dispersion RMS (ref., high S/N)
FLXSCALE=   0.000000000000E+00 / SCAMP relative flux scale
MAGZEROP=           0.00000000 / SCAMP zero-point
END
`;

Deno.test("headCards() keeps WCS and residuals, without flux scale, NaN or UTF-8", () => {
  const cards = headCards(HEAD);
  const keywords = cards.cards.map(({ keyword }) => keyword);
  assert.equal(keywords.length, 19);
  for (const unwanted of ["FLXSCALE", "MAGZEROP", "FGROUPNO", "COMMENT", "HISTORY", "ASTRRMS2"]) {
    assert.ok(!keywords.includes(unwanted), unwanted);
  }
  assert.equal(cards.number("ASTRRMS1"), 3.342399635783e-5);
  assert.match(headText(cards), /^[\x20-\x7e\n]*END\n$/);
});

Deno.test("headCards() refuses a solution without numbers", () => {
  assert.throws(() => headCards(HEAD.replace("2.198356950413E+02", "nan")), DataError);
  assert.throws(() => headCards(""), DataError);
});

Deno.test("headCards() calls a solution without distortion TAN, and completes a TPV", () => {
  const flat = headCards(HEAD.replaceAll(/^PV.*\n/gm, ""));
  assert.deepEqual([flat.text("CTYPE1"), flat.text("CTYPE2")], ["RA---TAN", "DEC--TAN"]);
  const partial = headCards(HEAD.replace(/^PV2_1.*\n/m, ""));
  assert.deepEqual([partial.text("CTYPE2"), partial.number("PV2_1")], ["DEC--TPV", 1]);
});

Deno.test("mergeHead() leaves nothing of an older WCS and nothing else changed", () => {
  const header = FitsHeader.from({
    ...{ OBJECT: "M 31", CTYPE1: "RA---TAN-SIP", CTYPE2: "DEC--TAN-SIP", CRVAL1: 1, CRVAL2: 2 },
    ...{ A_ORDER: 2, A_2_0: 1e-5, CROTA2: 3, CDELT1: -1e-4, PV1_4: 0.5, PC1_1: 1, LONPOLE: 180 },
  });
  mergeHead(header, headCards(HEAD));
  for (const stale of ["A_ORDER", "A_2_0", "CROTA2", "CDELT1", "PV1_4", "PC1_1", "LONPOLE"]) {
    assert.ok(!header.has(stale), stale);
  }
  assert.equal(header.text("OBJECT"), "M 31");
  const [raDeg, decDeg] = wcsFromHeader(header)!.pixelToSky(1003.28, 1013.4);
  assert.ok(Math.abs(raDeg - 219.8357) < 1e-4 && Math.abs(decDeg + 9.76747) < 1e-4);
});
