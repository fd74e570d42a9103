import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-code.ts";
import type { RunVerb } from "../../src/cli/verb.ts";
import { GLOBAL_OPTIONS } from "../../src/cli/verb-options.ts";
import { run as apply } from "../../src/cli/verbs/change/apply.ts";
import { run as drift } from "../../src/cli/verbs/inspect/drift.ts";
import { run as status } from "../../src/cli/verbs/inspect/status.ts";
import { run as diff } from "../../src/cli/verbs/plan/diff.ts";
import { run as plan } from "../../src/cli/verbs/plan/plan.ts";
import type { MachineState } from "../../src/host/simulated/machine-state.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

const BUNDLE = "com.example.app.System";
const ASKED_AGAIN = `-/+ system-extension/${BUNDLE}`;

let folder: string;
let machine: string;
beforeEach(() => {
  folder = temporaryFolder("t-asked");
  machine = join(folder, "machine.json");
  writeFileSync(
    join(folder, "awg.yaml"),
    sampleConfig(`default: { via: direct }\nkillSwitch: { enabled: false }\nsystemExtension: { bundle: ${BUNDLE} }\n`),
    { mode: 0o600 },
  );
  const held = { bundle: BUNDLE, state: "awaiting-approval", approves: false, carried: "1.0/1" };
  writeFileSync(machine, JSON.stringify({ systemExtensions: [held] }));
});

async function call(verb: RunVerb, interactive: boolean): Promise<{ readonly code: number; readonly text: string }> {
  const reported: string[] = [];
  const say = (text: string) => void reported.push(text);
  const terminal = { out: say, err: say, colorOut: false, colorErr: false, interactive };
  const options = { host: `simulated:${machine}`, file: [join(folder, "awg.yaml")], autoApprove: true };
  const code = await verb({
    terminal: { ...terminal, columns: Number.POSITIVE_INFINITY, ask: () => undefined, readInput: () => "" },
    args: [],
    environment: {},
    verbs: [],
    globalOptions: GLOBAL_OPTIONS,
    options,
  });
  return { code, text: reported.join("\n") };
}

describe("a system extension that waits to be allowed", () => {
  test("is asked for again by who plans and applies at a terminal, by no script, and is no drift", async () => {
    expect(await call(apply, false)).toMatchObject({ code: EXIT.unsupported });
    expect((await call(plan, false)).text).toContain("No changes.");
    expect(await call(diff, false)).toMatchObject({ code: EXIT.success });
    const planned = await call(plan, true);
    expect(planned.text).toContain(`${ASKED_AGAIN}  # a user is present to be asked again`);
    expect((await call(diff, true)).code).toBe(EXIT.differences);
    for (const verb of [status, drift]) {
      const { text } = await call(verb, true);
      expect(text).not.toContain("asked for again");
    }
    expect((await call(status, true)).text).toContain("x-apple.systempreferences:");
    const applied = await call(apply, true);
    expect(applied).toMatchObject({ code: EXIT.unsupported, text: expect.stringContaining(ASKED_AGAIN) });
    const { systemExtensions } = JSON.parse(readFileSync(machine, "utf8")) as MachineState;
    expect(systemExtensions).toMatchObject([{ state: "awaiting-approval", version: "1.0/1" }]);
  });
});
