import { spawnSync } from "node:child_process";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import type { Planned } from "../../src/app/plan/planned.ts";
import { readProposals } from "../../src/daemon/proposals.ts";
import { temporaryFolder } from "../support/folder.ts";

let folder = "";
beforeEach(() => {
  folder = temporaryFolder("proposals");
});

/** A session whose configs are their text, with nothing accepted yet unless stated. */
function proposing(accepted?: { readonly configHash: string }) {
  const reports: string[] = [];
  const file = join(folder, "config.yaml");
  const plannedOf = (configHash: string) => ({ configHash }) as Planned;
  const session = {
    acceptedGeneration: async () => accepted as never,
    planAccepted: async () => plannedOf("accepted"),
    planEndOfOverride: async () => undefined,
    load: async ([one]: readonly { text: string }[]) => ({
      config: {} as never,
      problems: [],
      hash: one?.text ?? "",
      sources: [],
      entryLines: { "rules/0": "config.yaml:3", "rules/1 (media)": "config.yaml:4" },
    }),
    readProposals: async () => ({}),
    settleProposal: async () => {},
    plan: async ({ hash }: { hash: string }) => plannedOf(hash),
  };
  const proposals = readProposals(session, [file], (text) => reports.push(text));
  const next = async () => (await proposals.next()).planned.configHash;
  return { proposals, next, reports, write: (text: string) => writeFileSync(file, text) };
}

test("law 4: a config that was rolled back is tried again, and after the third time reported and left until it is edited", async () => {
  const { proposals, next, reports, write } = proposing();
  write("a");
  for (let time = 0; time < 3; time += 1) {
    expect(await next()).toBe("a");
    await proposals.noteFailure("a", false);
  }
  expect(reports).toEqual([expect.stringContaining("rolled back 3 times")]);
  expect(await next()).toBe("accepted");
  write("b");
  expect(await next()).toBe("b");
});

test("a config that had to wait for another awg is proposed again, however often", async () => {
  const { proposals, next, reports, write } = proposing();
  write("a");
  for (let time = 0; time < 10; time += 1) {
    expect(await next()).toBe("a");
    await proposals.noteFailure("a", true);
  }
  expect(reports).toEqual([]);
});

test("a plan of the accepted config says that the files have another, which is not applied", async () => {
  const { proposals, next, write } = proposing();
  write("a");
  expect((await proposals.next()).filesNotApplied).toBeUndefined();
  expect(await next()).toBe("accepted");
  expect((await proposals.next()).filesNotApplied).toBe(true);
  rmSync(join(folder, "config.yaml"));
  expect((await proposals.next()).filesNotApplied).toBe(true);
});

test("D5: a config that became a pipe or a device is reported, never waited for or read without end", async () => {
  const { next, reports } = proposing();
  const file = join(folder, "config.yaml");
  spawnSync("/usr/bin/mkfifo", ["-m", "600", file]);
  expect(await next()).toBe("accepted");
  rmSync(file);
  symlinkSync("/dev/zero", file);
  expect(await next()).toBe("accepted");
  expect(reports).toEqual([expect.stringContaining("config.yaml is not a regular file")]);
});

test("where the files have another config, only the lines of what has a name are given", async () => {
  const { proposals, write } = proposing({ configHash: "a" });
  write("a");
  expect((await proposals.next()).entryLines).toEqual({
    "rules/0": "config.yaml:3",
    "rules/1 (media)": "config.yaml:4",
  });
  write("b");
  expect((await proposals.next()).entryLines).toEqual({ "rules/1 (media)": "config.yaml:4" });
});
