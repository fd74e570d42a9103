import { spawn } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tryRun, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import type { World } from "../../lab/world/world.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { leaveUnconfirmed } from "../daemon/unconfirmed.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { machineText } from "../machine-text.ts";
import { Waiting } from "../waiting.ts";

const reason = whyNoLab();
const limitMs = 400_000;
/** The deadlines are seconds away; a busy machine may take much longer to act on them. */
const patienceMs = 120_000;

// Fault B7: what nobody confirms is reverted, whoever was killed meanwhile.
describe.skipIf(reason !== undefined)(
  `an apply to be confirmed${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: limitMs },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test("law 5: awg is killed, and the keeper brings the old state back at the deadline", async () => {
      const { world, keys, first, second } = judged();
      await using awg = new AwgInWorld(world, keys, program());
      await awg.apply(awg.config({ server: first }));
      const before = await machineText(world);
      await using waiting = await Waiting.begin(awg, awg.config({ server: second, allowLan: true }), "6s");
      waiting.kill();
      await untilRestored(world, before);
      await untilNothingWaits(awg);
      expect((await awg.run("diff", "-f", awg.config({ server: first }))).status).toBe(0);
      expect(await awg.must("history")).toMatch(/^\* +1 /m);
    });

    test("law 5: awg is alive, waits, and exits 9 once the keeper has reverted", async () => {
      const { world, keys, first } = judged();
      await using awg = new AwgInWorld(world, keys, program());
      const before = await machineText(world);
      const done = await awg.run(
        "apply",
        "-f",
        awg.config({ server: first }),
        "--auto-approve",
        "--confirm-within",
        "3s",
      );
      expect(done.status, done.stderr).toBe(9);
      expect(await machineText(world)).toEqual(before);
    });

    test("law 5: awg and the keeper are killed, and the next writing verb after the deadline reverts", async () => {
      const { world, keys, first, second } = judged();
      await using awg = new AwgInWorld(world, keys, program());
      const config = awg.config({ server: first });
      await awg.apply(config);
      const before = await machineText(world);
      await using _waiting = await Waiting.begin(awg, awg.config({ server: second }), "6s");
      await awg.killEverything();
      await untilNothingWaits(awg);
      await awg.apply(config);
      expect(await machineText(world)).toEqual(before);
    });

    // The long form, 60 s and each death by itself: disrupted/unconfirmed.nightly.test.ts.
    test("B7, law 5: a daemon changes nothing before the deadline; the old state returns although it is killed", async () => {
      const ended = await leaveUnconfirmed(judged(), program(), "5s", ["apply", "daemon"]);
      expect(ended.looksWhileWaiting).toBeGreaterThan(0);
      expect(ended.lateMs).toBeGreaterThanOrEqual(0);
    });

    test("B7, law 5: the keeper dies too; the daemon starts another that knows the deadline", async () => {
      const ended = await leaveUnconfirmed(judged(), program(), "12s", ["apply", "keeper"]);
      expect(ended.wasWatched).toBe(true);
      expect(ended.lateMs).toBeGreaterThanOrEqual(0);
    });

    // The other signals: test/cli/exit-codes.test.ts, on the simulated machine.
    test("law 5: SIGTERM during an apply undoes its steps and exits 143", async () => {
      const { world, keys, first, second } = judged();
      await using awg = new AwgInWorld(world, keys, program());
      await awg.apply(awg.config({ server: first }));
      const before = await machineText(world);
      const config = awg.config({ server: second, allowLan: true });
      const [path = "", ...words] = awg.argvInside("apply", "-f", config, "--auto-approve");
      const child = spawn(path, words);
      let reported = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        if (!reported.includes("[2/") && `${reported}${text}`.includes("[2/")) child.kill("SIGTERM");
        reported += text;
      });
      const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
      expect([status, reported]).toEqual([143, expect.stringContaining("interrupted by SIGTERM")]);
      expect(await machineText(world)).toEqual(before);
    });

    test("over SSH confirmation is the default; only another connection may confirm; no connection is cut", async () => {
      const { world, keys, first } = judged();
      await using awg = new AwgInWorld(world, keys, program());
      const config = awg.config({ server: first, allowLan: true });
      const connection = (port: number) => ({ SSH_CONNECTION: `${place.v4.neighbour} ${port} ${place.v4.client} 22` });
      const strict = awg.argv("apply", "-f", awg.config({ server: first }), "--auto-approve");
      const refused = await tryRun(strict, "", limitMs, { ...process.env, ...connection(50_001) });
      expect([refused.status, refused.stderr]).toEqual([64, expect.stringContaining("--accept-risk lose-ssh")]);
      await using byDefault = await Waiting.begin(awg, config, undefined, connection(50_001));
      await awg.run("revert");
      expect(await byDefault.ended()).toBe(9);
      using old = openBefore(belowSshd(world, awg.argv("confirm")), { ...process.env, ...connection(50_003) });
      await using waiting = await Waiting.begin(awg, config, "1h", connection(50_001));
      expect((await awg.run("apply", "-f", config, "--auto-approve")).status, "others are locked out").toBe(10);
      const confirm = (port: number, environment = { ...process.env, ...connection(port) }) =>
        tryRun(belowSshd(world, awg.argv("confirm")), "", limitMs, environment);
      const late = await old.confirm();
      expect([late.status, late.stderr]).toEqual([64, expect.stringContaining("is older than the new state")]);
      const same = await confirm(50_001);
      expect([same.status, same.stderr]).toEqual([64, expect.stringContaining("the one that applied")]);
      const other = await confirm(50_002);
      expect(other.status, other.stderr).toBe(0);
      expect(await waiting.ended()).toBe(0);
      expect((await awg.run("diff", "-f", config)).status).toBe(0);
      expect((await awg.run("confirm")).status).toBe(64);
    });
  },
);

/** A command as an SSH server starts it: below a process of that name, which lives as long as the connection. */
function belowSshd(world: World, argv: readonly string[]): string[] {
  const sshd = join(world.folder, "sshd");
  if (!existsSync(sshd)) symlinkSync("/bin/sh", sshd);
  return [sshd, "-c", 'read -r _; "$@"; exit $?', "sshd", ...argv];
}

/** A connection that is open already, over which something is to be said later. */
function openBefore([program = "", ...words]: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(program, words, { env });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return {
    async confirm(): Promise<{ readonly status: number | null; readonly stderr: string }> {
      child.stdin.end("\n");
      return { status: await ended, stderr };
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

/** Until no generation waits to be confirmed. */
async function untilNothingWaits(awg: AwgInWorld): Promise<void> {
  const isOver = async (): Promise<boolean> =>
    JSON.parse(await awg.must("status", "--json")).awaitingConfirmation === null;
  await waitFor("the deadline", isOver, patienceMs);
}

async function untilRestored(world: World, before: Record<string, string>): Promise<void> {
  const isRestored = async (): Promise<true | undefined> =>
    JSON.stringify(await machineText(world)) === JSON.stringify(before) ? true : undefined;
  await waitFor("the old state", isRestored, patienceMs).catch(() => {});
  expect(await machineText(world)).toEqual(before);
}
