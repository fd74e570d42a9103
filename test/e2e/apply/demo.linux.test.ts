import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { Narrator } from "../../../scripts/demo.d/narrator.ts";
import { tryRun } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { temporaryFolder } from "../../support/folder.ts";

const demo = join(import.meta.dirname, "..", "..", "..", "scripts", "demo");
const limitMs = 400_000;

test.skipIf(whyNoLab() !== undefined)(
  "scripts/demo runs to its end on the real kernel",
  { timeout: limitMs },
  async () => {
    const done = await tryRun([demo], "", limitMs);
    expect(done.status, done.stdout + done.stderr).toBe(0);
    expect(done.stdout).toContain("real kernel, real tunnel, real packets");
    expect(done.stdout).toMatch(/All \d+ checks hold\./);
    expect(existsSync("/etc/netns/laptop")).toBe(false);
  },
);

test("on the simulated host it runs the same steps and says why", { timeout: limitMs }, async () => {
  const folder = temporaryFolder("demo");

  const environment = { ...process.env, AWG_DEMO_FOLDER: folder };
  const argv = [process.execPath, join(`${demo}.d`, "simulated.ts"), "a test asked for it"];
  const done = await tryRun(argv, "", limitMs, environment);
  expect(done.status, done.stdout + done.stderr).toBe(0);
  expect(done.stdout).toContain("simulated host, because a test asked for it");
  expect(done.stdout).toMatch(/All \d+ checks hold\./);
});

test("a shown command gets the width that is left beside the bar", () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  expect(new Narrator("/nowhere").show("width", ["sh", "-c", "echo $COLUMNS"]).stdout).toBe("75\n");
});
