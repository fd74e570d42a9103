import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { OptionValues, RunVerb } from "../../src/cli/verb.ts";
import { GLOBAL_OPTIONS } from "../../src/cli/verb-options.ts";
import { run as install } from "../../src/cli/verbs/system/install.ts";
import { run as service } from "../../src/cli/verbs/system/service.ts";
import { run as uninstall } from "../../src/cli/verbs/system/uninstall.ts";
import { temporaryFolder } from "../support/folder.ts";

let folder: string;
let out: string[];
let err: string[];

beforeEach(() => {
  folder = temporaryFolder("t-verbs");
  [out, err] = [[], []];
});

async function call(verb: RunVerb, args: readonly string[] = [], options: OptionValues = {}): Promise<string> {
  [out, err] = [[], []];
  const terminal = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
    colorOut: false,
    colorErr: false,
    interactive: false,
    columns: Number.POSITIVE_INFINITY,
    ask: () => undefined,
    readInput: () => "",
  };
  const host = `simulated:${join(folder, "machine.json")}`;
  await verb({
    terminal,
    args,
    environment: {},
    verbs: [],
    globalOptions: GLOBAL_OPTIONS,
    options: { host, ...options },
  });
  return out.join("\n");
}

describe("the verbs that put awg on a machine", () => {
  test("each says what it did, in words and as JSON", async () => {
    expect(await call(service, ["status"])).toContain("awg.service: not installed");
    expect(await call(install, [], { dryRun: true })).toContain("service awg.service: would be added");
    expect(await call(install)).toContain("service awg.service: added");
    expect(await call(install)).toContain("service awg.service: exists already");
    expect(await call(service, ["status"])).toContain("awg.service: running; starts at boot");
    expect(await call(service, ["stop"])).toContain("awg.service: not running; starts at boot");
    const { services } = JSON.parse(await call(service, ["status"], { json: true })) as { services: unknown[] };
    expect(services).toContainEqual(expect.objectContaining({ name: "awg.service", installed: true, enabled: true }));
    expect(JSON.stringify(services)).not.toContain("definition");
    const removed = JSON.parse(await call(uninstall, [], { json: true })) as { steps: unknown[] };
    expect(removed.steps).toContainEqual({ what: "service awg.service", outcome: "done" });
  });

  test("a service command that there is not is a mistake of use", async () => {
    await expect(call(service, ["reload"])).rejects.toMatchObject({ kind: "usage" });
  });
});
