import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../repository/sources.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../support/netns.ts";

const LIBRARY = ["x86_64", "aarch64"]
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)
  .find((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
const obstacle =
  namespaceObstacle() ?? commandObstacle("ip", "nft", "unshare") ?? (LIBRARY ? undefined : "needs libfaketime");
const LONGEST_MS = 90_000;
/** Of a test or a hook, which wait for several things. */
const TIMEOUT_MS = 300_000;
/** As wide as any uptime, so that the file can be written over in place and is never seen half written. */
const UPTIME_BYTES = 40;
/** Its own, and what a busy machine may add: the drift timer, and this test's file of /proc/uptime written late. */
const MOST_RECONCILES = 6;

/**
 * A real daemon whose wall clock is libfaketime's and whose /proc/uptime, CLOCK_BOOTTIME to it, is a file mounted over the
 * kernel's in a mount namespace of its own. The machine's clocks are never touched.
 */
describe.skipIf(obstacle !== undefined)(
  `B13: the clocks of a running daemon${obstacle ? ` (${obstacle})` : ""}`,
  () => {
    const folder = temporaryFolder("clocks");
    const at = (name: string): string => join(folder, name);
    const program = [process.execPath, "--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts")];
    const state = ["--state-dir", at("state")];
    let space: TestNamespace;
    let daemon: ChildProcess;
    let uptimeFile: number;
    let beating: NodeJS.Timeout;
    let sleptSeconds = 0;
    let reported = "";

    const config = (destination: string): void =>
      writeFileSync(
        at("config.yaml"),
        sampleConfig(
          `rules: [{ destinations: [${destination}], via: block }]\ndefault: { via: direct }\nkillSwitch: { enabled: true }\n`,
        ),
        { mode: 0o600 },
      );
    /** The daemon's wall clock: an offset ("-365d", "+365d") or a moment ("@2038-01-19 03:14:00"). */
    const setWallClock = (when: string): void => writeFileSync(at("wall"), `${when}\n`);
    const setUptime = (): void => {
      const seconds = Number.parseFloat(readFileSync("/proc/uptime", "latin1")) + sleptSeconds;
      writeSync(uptimeFile, `${seconds.toFixed(2)} 0.00`.padEnd(UPTIME_BYTES), 0);
    };
    const reconciles = (text: string): number =>
      text.split("\n").filter((line) => line.includes("reading the host again")).length;

    async function until(what: string, holds: () => boolean): Promise<void> {
      for (const endMs = performance.now() + LONGEST_MS; !holds(); await sleep(20)) {
        if (performance.now() > endMs) throw new Error(`${what} did not come about; the daemon reported:\n${reported}`);
        if (daemon.exitCode !== null) throw new Error(`the daemon ended:\n${reported}`);
      }
    }

    /** What the daemon told from the jump until it was in sync again. */
    async function after(what: RegExp, jump: () => void): Promise<string> {
      const from = reported.length;
      jump();
      await until(String(what), () => what.test(reported.slice(from)));
      await until(
        "in sync",
        () => reported.slice(from).lastIndexOf("in sync") > reported.slice(from).lastIndexOf("reading the host again"),
      );
      return reported.slice(from);
    }

    beforeAll(async () => {
      space = makeNamespace("clocks");
      config("192.168.7.0/24");
      setWallClock("+0d");
      writeFileSync(at("uptime"), "");
      uptimeFile = openSync(at("uptime"), "r+");
      setUptime();
      beating = setInterval(setUptime, 50);
      const mounted = `mount --bind ${at("uptime")} /proc/uptime && export LD_PRELOAD=${LIBRARY} && exec "$@"`;
      const words = ["daemon", "--foreground", "-f", at("config.yaml"), ...state];
      const argv = ["netns", "exec", space.name, "unshare", "--mount", "sh", "-c", mounted, "sh", ...program, ...words];
      daemon = spawn("ip", argv, {
        env: {
          PATH: process.env["PATH"],
          FAKETIME_TIMESTAMP_FILE: at("wall"),
          FAKETIME_NO_CACHE: "1",
          FAKETIME_DONT_FAKE_MONOTONIC: "1",
        },
        stdio: ["ignore", "ignore", "pipe"],
      });
      daemon.stderr?.setEncoding("utf8").on("data", (text: string) => {
        reported += text;
      });
      await until("the first apply", () => reported.includes("in sync"));
    }, TIMEOUT_MS);
    afterAll(async () => {
      clearInterval(beating);
      daemon?.kill("SIGKILL");
      space?.run([...program, "destroy", "--auto-approve", ...state], { mayFail: true });
      space?.[Symbol.dispose]();
      if (uptimeFile !== undefined) closeSync(uptimeFile);
    });

    test.each([
      ["back a year", "-365d", "198.18.1.0", /the wall clock jumped by -31\d{6} s/],
      ["past the last second of 32 bits", "@2038-01-19 03:14:06", "198.18.2.0", /the wall clock jumped by \d{8,} s/],
      ["back to what it was", "+0d", "198.18.3.0", /the wall clock jumped by -\d{8,} s/],
    ])(
      "it goes %s: noticed once, nothing is written, and edits are applied as ever",
      async (_name, when, edited, what) => {
        const said = await after(what, () => setWallClock(when));
        expect(reconciles(said), said).toBeLessThanOrEqual(MOST_RECONCILES);
        expect(said).not.toMatch(/repairing|applying|Stalled|Contended|failed/);
        const applied = await after(/done: /, () => config(`${edited}/24`));
        expect(reconciles(applied), applied).toBeLessThanOrEqual(MOST_RECONCILES);
        expect(space.run(["nft", "list", "table", "inet", "awg"]).stdout).toContain(edited);
      },
    );

    test("the machine slept an hour: noticed once, and looked at again", async () => {
      const said = await after(/woke up after 3[56]\d\d s of sleep/, () => {
        sleptSeconds += 3_600;
      });
      expect(reconciles(said), said).toBeLessThanOrEqual(MOST_RECONCILES);
      expect(said).not.toMatch(/repairing|applying|Stalled|Contended|failed/);
    });
  },
);
