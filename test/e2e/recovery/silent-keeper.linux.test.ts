import { spawn } from "node:child_process";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { makeNamespace, namespaceObstacle, type TestNamespace } from "../../support/netns.ts";

const reason = namespaceObstacle();
const TUNNEL = `s${process.pid}`;
const CONFIG = sampleConfig(`tunnels:
  ${TUNNEL}:
    protocol: wireguard
    privateKey: { inline: ${Buffer.alloc(32, 7).toString("base64")} }
    addresses: [10.77.0.2/32]
    peers: [{ publicKey: ${Buffer.alloc(32, 9).toString("base64")}, endpoint: "192.0.2.53:51820", allowedIPs: [0.0.0.0/0] }]
default: { via: ${TUNNEL}, fallback: block }
killSwitch: { enabled: true }
`);

let space: TestNamespace;
let folder = "";
let inode = 0;
let keeper = 0;

const program = useBuiltProgram();
const argv = (...args: readonly string[]) => {
  const started = [process.execPath, "--disable-warning=ExperimentalWarning", program()];
  return [...started, ...args, "--state-dir", join(folder, "state")];
};

function awg(...args: readonly string[]) {
  return space.run(argv(...args), { mayFail: true });
}

/** The processes of the namespace whose command line has this word. */
function pidsOf(word: string): number[] {
  const running = space.run(["ip", "netns", "pids", space.name]).stdout.split("\n").filter(Boolean);
  return running
    .map(Number)
    .filter((pid) => space.run(["cat", `/proc/${pid}/cmdline`], { mayFail: true }).stdout.includes(`\0${word}\0`));
}

describe.skipIf(reason !== undefined)(
  `a keeper that was stopped${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 120_000 },
  () => {
    const config = () => join(folder, "config.yaml");
    beforeAll(() => {
      space = makeNamespace("silent");
      inode = statSync(`/run/netns/${space.name}`).ino;
      folder = temporaryFolder("silent");
      writeFileSync(config(), CONFIG, { mode: 0o600 });
      expect(awg("apply", "-f", config(), "--auto-approve")).toMatchObject({ status: 0 });
      keeper = pidsOf("keeper")[0] ?? 0;
      expect(keeper).toBeGreaterThan(1);
      process.kill(keeper, "SIGSTOP");
    }, 60_000);
    afterAll(() => {
      process.kill(keeper, "SIGCONT");
      awg("destroy", "--auto-approve");
      for (const pid of [...pidsOf("keeper"), ...pidsOf("engine")]) process.kill(pid, "SIGKILL");
      space[Symbol.dispose]();
      for (const left of [`netns-${inode}`, `lock.${inode}`])
        rmSync(`/run/awg/${left}`, { recursive: true, force: true });
    }, 60_000);

    const silence = () => new RegExp(`the keeper \\(process ${keeper}\\) .* is stopped.*kill -CONT ${keeper}`);

    test("law 9: status shows the kernel's state, names the keeper and says what to do", () => {
      const { status, stdout } = awg("status", "--json");
      expect(status).toBe(0);
      const reported = JSON.parse(stdout);
      expect(reported.silentKeeper).toMatchObject({
        pid: keeper,
        remedy: expect.stringContaining(`kill -CONT ${keeper}`),
      });
      expect(reported.conditions).toContainEqual(expect.objectContaining({ type: "Protected", status: true }));
      expect(reported.conditions).toContainEqual(expect.objectContaining({ type: "Drifted", status: false }));
      expect(awg("status").stdout.replace("The", "the")).toMatch(silence());
    });

    test("doctor finds it and checks the rest as usual", () => {
      const { status, stdout } = awg("doctor", "--json");
      expect(status).toBe(6);
      const faults = JSON.parse(stdout).findings.filter(({ severity }: { severity: string }) => severity === "fault");
      // The namespace has no route to the endpoint.
      expect(faults).toMatchObject([
        { id: "keeper-silent", remedy: [`kill -CONT ${keeper}`, expect.any(String)] },
        { id: "no-network", what: "no network: there is no default route" },
      ]);
    });

    test.each([
      ["drift", ["drift", "--detailed-exitcode"], 0],
      ["diff", ["diff", "-f", "CONFIG"], 0],
      ["verify", ["verify"], 0],
    ])("%s goes on without it, and says so", (_, verb, exit) => {
      const { status, stdout, stderr } = awg(...verb.map((word) => (word === "CONFIG" ? config() : word)));
      expect([status, stdout]).toEqual([exit, expect.any(String)]);
      expect(stderr).toMatch(silence());
    });

    test("a verb that would change the host is refused before any change", () => {
      const { status, stderr } = awg("apply", "-f", config(), "--replace", `link/${TUNNEL}`, "--auto-approve");
      expect(status).toBe(4);
      expect(stderr).toMatch(silence());
      expect(JSON.parse(awg("status", "--json").stdout)).toMatchObject({ generation: 1, openJournal: null });
    });

    test("B7: one that is stopped while an apply awaits confirmation is ended at the deadline, and the old state returns", async () => {
      process.kill(keeper, "SIGCONT");
      const other = join(folder, "other.yaml");
      writeFileSync(other, CONFIG.replace("10.77.0.2", "10.77.0.3"), { mode: 0o600 });
      const words = argv("apply", "-f", other, "--auto-approve", "--confirm-within", "8s");
      const waiting = spawn("ip", ["netns", "exec", space.name, ...words], { stdio: ["ignore", "ignore", "pipe"] });
      await new Promise<void>((resolve) => {
        waiting.stderr.on("data", (text) => String(text).includes("not confirmed") && resolve());
      });
      process.kill(keeper, "SIGSTOP");
      waiting.kill("SIGKILL");
      expect(JSON.parse(awg("status", "--json").stdout).awaitingConfirmation).toMatchObject({ generation: 2 });
      const isBack = () => {
        const { status, stderr } = awg("revert", "--due");
        const { awaitingConfirmation: awaiting, openJournal: open } = JSON.parse(awg("status", "--json").stdout);
        return { status, stderr, awaiting, open };
      };
      await expect
        .poll(isBack, { timeout: 60_000, interval: 500 })
        .toMatchObject({ status: 0, awaiting: null, open: null });
      expect(awg("diff", "-f", config())).toMatchObject({ status: 0 });
      const [next = 0] = pidsOf("keeper");
      expect(next).toBeGreaterThan(1);
      expect(next).not.toBe(keeper);
      keeper = next;
    });
  },
);
