import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { factsFolder } from "../../support/facts.ts";
import { gatherRecordings, KEPT, keptRecordings } from "./recorded-exchange.ts";

const folder = factsFolder("awg/captures");

describe("the recordings kept here", () => {
  test.skipIf(folder === undefined)("are those of the facts; AWG_UPDATE=1 keeps these anew", () => {
    const found = gatherRecordings(folder ?? "");
    if (process.env["AWG_UPDATE"] === "1") writeFileSync(KEPT, gzipSync(JSON.stringify(found), { level: 9 }));
    expect(keptRecordings()).toEqual(found);
  });

  test("hold every generation", () => {
    const names = Object.keys(keptRecordings().exchanges).join(" ");
    for (const generation of ["wg-plain", "awg10", "awg15", "awg20", "awg30", "awg31"])
      expect(names).toContain(generation);
  });
});
