import assert from "node:assert/strict";
import { DataError } from "../config/errors.ts";
import { parseVotable } from "./votable.ts";

Deno.test("parseVotable() names cells by their fields, in nested resources", () => {
  const xml = `<?xml version="1.0"?><VOTABLE><RESOURCE><RESOURCE>
    <TABLE ID="A" name="Fields"><PARAM name="N" value="2"/><FIELD name="Name"/><FIELD name="X"/>
    <DATA><TABLEDATA><TR><TD>one.cat</TD><TD> 1.5 -2e-3 </TD></TR>
    <TR><TD>two &amp; three</TD><TD></TD></TR></TABLEDATA></DATA></TABLE>
    <TABLE name="Empty"><FIELD name="X"/><DATA><TABLEDATA></TABLEDATA></DATA></TABLE>
    </RESOURCE></RESOURCE></VOTABLE>`;
  assert.deepEqual(parseVotable(xml, "test.xml"), {
    Fields: [{ Name: "one.cat", X: "1.5 -2e-3" }, { Name: "two & three", X: "" }],
    Empty: [],
  });
});

Deno.test("parseVotable() refuses what is no VOTable", () => {
  for (const text of ["", "not xml at all", "<html><body/></html>"]) {
    assert.throws(() => parseVotable(text, "bad.xml"), DataError);
  }
});
