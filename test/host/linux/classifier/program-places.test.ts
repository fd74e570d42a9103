import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, realpathSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { ProgramPlaces, pathsIn } from "../../../../src/host/linux/classifier/program-places.ts";
import { waitFor } from "../../../lab/world/command.ts";
import { temporaryFolder } from "../../../support/folder.ts";

const SETTLE_MS = 300;

test("the files, folders and control groups of a classifier", () => {
  const atoms = [
    { file: "/opt/a/tool", of: "self" },
    { folder: "/opt/b", of: "ancestor" },
    { cgroup: "system.slice/web.service" },
    { name: "curl", of: "self" },
    { users: [[0, 0]] },
  ] as const;
  expect(pathsIn({ atoms, conditions: [], final: [], classes: [] }, "/sys/fs/cgroup")).toEqual([
    "/opt/a/tool",
    "/opt/b",
    "/sys/fs/cgroup/system.slice/web.service",
  ]);
});

test.skipIf(!existsSync("/proc/self/fdinfo"))(
  "a replaced folder, a link that leads elsewhere and a folder that appears are reported, other files are not",
  async () => {
    const root = realpathSync(temporaryFolder("places"));
    for (const name of ["1/bin", "2/bin"]) mkdirSync(join(root, name), { recursive: true });
    symlinkSync("1", join(root, "current"));
    const places = new ProgramPlaces();
    let events = 0;
    await using _watch = places.watch(() => {
      events += 1;
    });
    places.follow([join(root, "current/bin/tool"), join(root, "later/bin")]);
    const isReported = async (change: () => void): Promise<boolean> => {
      await sleep(SETTLE_MS);
      const before = events;
      change();
      return waitFor("an event", () => events > before || undefined, 5_000, 20).catch(() => false);
    };
    symlinkSync("2", join(root, "next"));
    expect(await isReported(() => renameSync(join(root, "next"), join(root, "current")))).toBe(true);
    expect(await isReported(() => renameSync(join(root, "2/bin"), join(root, "2/old")))).toBe(true);
    expect(await isReported(() => mkdirSync(join(root, "later")))).toBe(true);
    expect(await isReported(() => mkdirSync(join(root, "later/bin")))).toBe(true);
    await sleep(SETTLE_MS);
    const before = events;
    writeFileSync(join(root, "2/other"), "");
    writeFileSync(join(root, "unrelated"), "");
    await sleep(SETTLE_MS);
    expect(events).toBe(before);
  },
);

/** Renames the folder of its argument to and fro for a second. */
const RENAMES = `const [, folder] = process.argv; const until = Date.now() + 1000;
while (Date.now() < until) { fs.renameSync(folder, folder + "2"); fs.renameSync(folder + "2", folder); }`;

test.skipIf(!existsSync("/proc/self/fdinfo"))(
  "a program that changes a folder without a pause does not stop this one",
  async () => {
    const folder = join(realpathSync(temporaryFolder("places")), "app");
    mkdirSync(join(folder, "bin"), { recursive: true });
    const places = new ProgramPlaces();
    places.follow(Array.from({ length: 20 }, (_, index) => join(folder, "bin", `tool-${index}`)));
    let events = 0;
    await using _watch = places.watch(() => {
      events += 1;
    });
    const program = spawn(process.execPath, ["-e", RENAMES, folder]);
    await waitFor("an event", () => events > 0 || undefined, 5_000, 20);
    const began = performance.now();
    await sleep(100);
    expect(performance.now() - began).toBeLessThan(700);
    await once(program, "exit");
    expect(events).toBeLessThan(20);
  },
);
