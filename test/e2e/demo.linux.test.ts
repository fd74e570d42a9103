import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tryRun } from "../lab/world/command.ts";
import { whyNoLab } from "../lab/world/why-no-lab.ts";

const demo = join(import.meta.dirname, "..", "..", "scripts", "demo");
const limitMs = 400_000;

test.skipIf(whyNoLab() !== undefined)(
  "scripts/demo tells its whole story on the real kernel",
  { timeout: limitMs },
  async () => {
    const done = await tryRun([demo], "", limitMs);
    expect(done.status, done.stdout + done.stderr).toBe(0);
    expect(done.stdout).toContain("real kernel, real tunnel, real packets");
    expect(done.stdout).toMatch(/All \d+ checks hold\./);
    expect(done.stdout).not.toContain("✗");
    expect(existsSync("/etc/netns/laptop")).toBe(false);
  },
);

test("on the simulated machine it tells the same story and says why", { timeout: limitMs }, async () => {
  const done = await tryRun([process.execPath, join(`${demo}.d`, "simulated.ts"), "a test asked for it"], "", limitMs, {
    ...process.env,
    AWG_DEMO_FOLDER: await makeFolder(),
  });
  expect(done.status, done.stdout + done.stderr).toBe(0);
  expect(done.stdout).toContain("simulated machine, because a test asked for it");
  expect(done.stdout).toMatch(/All \d+ checks hold\./);
});

async function makeFolder(): Promise<string> {
  return (await tryRun(["mktemp", "-d", "-t", "awg-demo.XXXXXX"])).stdout.trim();
}
