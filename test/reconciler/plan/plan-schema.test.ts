import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Planned } from "../../../src/app/plan/planned.ts";
import { printPlanned } from "../../../src/cli/verbs/plan/plan.json.ts";
import { benchWith, depsOf, planOn } from "../run.ts";
import { SCENARIOS } from "../scenarios.ts";

const path = join(import.meta.dirname, "..", "..", "..", "schema", "plan.schema.json");
const schema = z.fromJSONSchema(JSON.parse(readFileSync(path, "utf8")));

/** The document that `awg plan --json` prints for a plan. */
function printedDocument(planned: Planned): unknown {
  const lines: string[] = [];
  const terminal = { out: (text: string) => lines.push(text), err: () => undefined, colorOut: false, colorErr: false };
  printPlanned(planned, { options: { json: true }, terminal } as unknown as Parameters<typeof printPlanned>[1]);
  return JSON.parse(lines.join("\n"));
}

describe("schema/plan.schema.json", () => {
  test.each(Object.entries(SCENARIOS))("describes the plan of: %s", async (_name, { from, to }) => {
    const { plan } = await planOn(depsOf(await benchWith(from)), to);
    const document = printedDocument({
      verb: "apply",
      plan,
      desired: to,
      configHash: "c",
      fingerprint: "f",
      pathNumbers: {},
      sources: [],
      notes: [{ path: "rules/0", message: "said", enforcement: "best-effort" }],
      traffic: "nothing changes.",
    });
    expect(schema.safeParse(document)).toMatchObject({ success: true });
  });

  test("refuses what is no plan", async () => {
    for (const wrong of [{}, { format_version: "2" }, [], null]) expect(schema.safeParse(wrong).success).toBe(false);
    const step = { key: "party/1", kind: "link", action: "create", phase: "prepare", changes: [], reason: "" };
    const document = {
      format_version: "1",
      config_hash: "",
      host_fingerprint: "",
      in_sync: false,
      traffic: "",
      notes: [],
      unchanged: [],
    };
    expect(schema.safeParse({ ...document, steps: [] }).success).toBe(true);
    expect(schema.safeParse({ ...document, steps: [step] }).success).toBe(false);
  });
});
