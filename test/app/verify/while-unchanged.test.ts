import { chmodSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { takeLock } from "../../../src/state/lock.ts";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";
import { openTestSession } from "../../support/test-session.ts";

const machine = useSimulatedBench();

/** Copies of the machine and its state, made in the middle of a change to another policy. */
async function inTheMiddle(): Promise<string> {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  const copy = join(bench.folder, "middle.json");
  await bench.ask(async (session) => {
    const text = bench.config({ office: {}, home: {} });
    const planned = await session.plan(await session.load([{ name: "awg.yaml", text, mode: 0o600 }]));
    let batches = 0;
    await session.apply(planned, {
      onEvent: () => {
        batches += 1;
        if (batches !== 3) return;
        cpSync(bench.file, copy);
        cpSync(`${bench.file}.state`, `${copy}.state`, { recursive: true });
        chmodSync(`${copy}.state`, 0o700);
      },
      shouldStop: () => undefined,
    });
  });
  return copy;
}

async function verify(file: string) {
  await using session = await openTestSession({
    host: { kind: "simulated", file },
    allowInsecurePermissions: false,
    environment: {},
  });
  return session.verify();
}

test("law 9: beside a change in progress it names who makes it, and to wait", async () => {
  const file = await inTheMiddle();
  const holder = JSON.parse(readFileSync(`${file}.state/lock`, "utf8"));
  expect(holder).toMatchObject({ pid: process.pid });
  using _lock = takeLock(`${file}.state/lock`, holder);
  await expect(verify(file)).rejects.toMatchObject({
    kind: "locked",
    message: `awg ${holder.verb} (process ${process.pid}) is changing this host now`,
    remedy: "wait until it has ended, then try again",
  });
});

test("what was interrupted is held against the state before it, and that is said", async () => {
  const file = await inTheMiddle();
  const lock = `${file}.state/lock`;
  const holder = JSON.parse(readFileSync(lock, "utf8"));
  writeFileSync(lock, JSON.stringify({ ...holder, pid: 2 ** 22 + 1 }));
  const { generation, notes } = await verify(file);
  expect(generation).toBe(1);
  expect(notes).toContainEqual(expect.stringMatching(/^a change was interrupted/));
});
