import { spawn, spawnSync } from "node:child_process";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { ScheduledFault } from "../../src/host/simulated/faults.ts";
import { takeDaemonPlace } from "../../src/state/daemon/daemon-file.ts";
import { takeLock } from "../../src/state/lock.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { PRIVATE_KEY, tunnelConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder("exit");
const at = (name: string): string => join(folder, name);

const CONFIG = tunnelConfig({
  keyFile: at("key"),
  more: "name: laptop\n",
});

beforeAll(() => {
  writeFileSync(at("key"), `${PRIVATE_KEY}\n`, { mode: 0o600 });
  writeFileSync(at("good.yaml"), CONFIG);
  writeFileSync(at("bad.yaml"), CONFIG.replace("tunnels:", "tunels:"));
  writeFileSync(at("refused.yaml"), `${CONFIG}rules: [{ users: [root], dns: direct, via: direct }]\n`);
});

const program = useBuiltProgram();
const argvOf = (args: readonly string[]): string[] => ["--disable-warning=ExperimentalWarning", program(), ...args];

function awg(args: readonly string[], options: { readonly env?: NodeJS.ProcessEnv; readonly uid?: number } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, argvOf(args), {
    encoding: "utf8",
    timeout: 60_000,
    cwd: "/",
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    env: { ...process.env, ...options.env },
  });
  return { status, stdout, stderr };
}

/** A simulated machine in a file of its own, with what goes wrong at which write of the next run. */
function machine(name: string, faults: readonly ScheduledFault[] = []): string {
  const path = at(`${name}.json`);
  writeFileSync(path, JSON.stringify({ faults }));
  return `simulated:${path}`;
}

const apply = (host: string, ...more: readonly string[]) =>
  awg(["apply", "-f", at("good.yaml"), "--host", host, "--auto-approve", ...more]);
const fail = (nth: number, times: number): ScheduledFault => ({
  at: nth,
  fault: { kind: "fail", error: "host", times },
});
/** Somebody sets a kernel setting back after awg wrote it: what was applied is not what is read back. */
const meddle: ScheduledFault = {
  at: 7,
  fault: { kind: "foreign", act: { act: "write-sysctl", name: "net.ipv4.conf.all.rp_filter", value: "0" } },
};

describe("law 9: every exit code, by the real program", () => {
  test("0 and 1: diff before and after apply", () => {
    const host = machine("diff");
    const before = awg(["diff", "-f", at("good.yaml"), "--host", host]);
    expect(before.status).toBe(1);
    expect(before.stdout).toContain("+ firewall/machine");
    expect(apply(host).status).toBe(0);
    const after = awg(["diff", "-f", at("good.yaml"), "--host", host]);
    expect([after.status, after.stdout]).toEqual([0, ""]);
  });

  test("2: only with --detailed-exitcode, and 0 when nothing changed", () => {
    const host = machine("detailed");
    expect(awg(["plan", "-f", at("good.yaml"), "--host", host]).status).toBe(0);
    expect(awg(["plan", "-f", at("good.yaml"), "--host", host, "--detailed-exitcode"]).status).toBe(2);
    expect(apply(host, "--detailed-exitcode").status).toBe(2);
    expect(apply(host, "--detailed-exitcode").status).toBe(0);
  });

  test("3: a config with errors; law 7: nothing is changed", () => {
    const host = machine("bad");
    symlinkSync("loop.yaml", at("loop.yaml"));
    const looping = awg(["plan", "-f", at("loop.yaml"), "--host", host]);
    expect([looping.status, looping.stderr]).toEqual([3, expect.stringContaining("cannot read")]);
    const { status, stderr } = awg(["apply", "-f", at("bad.yaml"), "--host", host, "--auto-approve"]);
    expect(status).toBe(3);
    expect(stderr).toMatch(/bad\.yaml:2:1: .*did you mean tunnels/);
    expect(awg(["status", "--host", host]).stdout).toContain("Nothing is applied");
  });

  test("3 with --json: one document, with the kind, the problems and the code", () => {
    const { status, stdout } = awg(["plan", "-f", at("bad.yaml"), "--host", machine("bad-json"), "--json"]);
    const { formatVersion, error } = JSON.parse(stdout);
    expect([status, formatVersion, error.kind, error.exitCode]).toEqual([3, "1", "config", 3]);
    expect(error.facts.problems[0]).toMatch(/bad\.yaml:2:1: .*did you mean tunnels/);
  });

  test("4: apply failed and was rolled back", () => {
    const host = machine("fails", [fail(5, 1)]);
    const { status, stderr } = apply(host);
    expect(status).toBe(4);
    expect(stderr).toContain("rolled back");
    expect(awg(["status", "--host", host]).stdout).toContain("Nothing is applied");
  });

  test("5: the undo failed too; the journal is named", () => {
    const host = machine("stuck", [fail(5, 1000)]);
    const { status, stderr } = apply(host);
    expect(status).toBe(5);
    expect(stderr).toContain(at("stuck.json.state/journal"));
    expect(awg(["status", "--host", host, "--json"]).stdout).toContain('"openJournal":"');
    expect(apply(host).status, "the next apply recovers it").toBe(0);
  });

  test("6: what was read back is not what was applied", () => {
    const { status, stderr } = apply(machine("meddled", [meddle]));
    expect(status).toBe(6);
    expect(stderr).toContain("rp_filter");
  });

  test("7: an invariant is violated, by a packet that is shown; one that holds stops nothing", () => {
    const write = (name: string, users: string) =>
      writeFileSync(
        at(name),
        `${CONFIG}rules: [{ users: ["1500"], via: direct }]\ninvariants: [{ never: { users: ["${users}"], via: direct } }]\n`,
      );
    write("violated.yaml", "1500");
    write("kept.yaml", "1501");
    const { status, stderr } = awg(["plan", "-f", at("violated.yaml"), "--host", machine("seven")]);
    expect({ status, stderr }).toMatchObject({ status: 7, stderr: expect.stringContaining("uid 1500") });
    expect(awg(["plan", "-f", at("kept.yaml"), "--host", machine("seven-kept")]).status).toBe(0);
  });

  test("8: something that is not awg's holds the place", () => {
    const path = at("held.json");
    apply(`simulated:${path}`);
    const text = spawnSync("sed", ["s/awg:office/somebody/", path], { encoding: "utf8" }).stdout;
    writeFileSync(path, text);
    rmSync(`${path}.state`, { recursive: true });
    const { status, stderr } = apply(`simulated:${path}`);
    expect(status).toBe(8);
    expect(stderr).toContain("awg-office");
  });

  test("9: not confirmed in time, and what was before is back", () => {
    const host = machine("unconfirmed");
    const { status, stderr } = apply(host, "--confirm-within", "0.2s");
    expect(status).toBe(9);
    expect(stderr).toContain("old state is back");
    expect(awg(["status", "--host", host]).stdout).toContain("Nothing is applied");
  });

  test.each<[string, number]>([
    ["confirm", 0],
    ["revert", 9],
  ])(
    "law 5: while it waits others are locked out (10); after %s it exits %i",
    { timeout: 180_000 },
    async (verb, code) => {
      using waiting = new DisposableStack();
      const host = machine(`waits-${verb}`);
      const asked = ["apply", "-f", at("good.yaml"), "--host", host, "--auto-approve", "--confirm-within", "1h"];
      const child = spawn(process.execPath, argvOf(asked));
      waiting.defer(() => void child.kill("SIGKILL"));
      const ended = new Promise((resolve) => child.on("exit", resolve));
      await new Promise<void>((resolve) => {
        let reported = "";
        child.stderr.setEncoding("utf8").on("data", (text: string) => {
          reported += text;
          if (reported.includes("not confirmed")) resolve();
        });
        child.on("exit", () => resolve());
      });
      const locked = apply(host);
      expect([locked.status, locked.stderr]).toEqual([10, expect.stringContaining("awg confirm")]);
      expect(awg(["status", "--host", host]).stdout).toContain("unless confirmed");
      expect(awg([verb, "--host", host]).status).toBe(0);
      expect(await ended).toBe(code);
      expect(awg([verb === "confirm" ? "confirm" : "rollback", "--host", host]).status, "nothing is left to do").toBe(
        64,
      );
    },
  );

  test("0: rollback goes back to the generation before, and asks for a terminal", { timeout: 180_000 }, () => {
    const host = machine("back");
    apply(host);
    writeFileSync(at("other.yaml"), CONFIG.replace("192.0.2.1", "192.0.2.2"));
    expect(awg(["apply", "-f", at("other.yaml"), "--host", host, "--auto-approve"]).status).toBe(0);
    expect(awg(["rollback", "1", "--host", host]).status).toBe(64);
    expect(awg(["rollback", "--host", host, "--auto-approve"]).status).toBe(0);
    expect(awg(["diff", "-f", at("good.yaml"), "--host", host]).status).toBe(0);
    expect(awg(["history", "--host", host]).stdout).toMatch(/^\* +3 /);
    expect(awg(["rollback", "9", "--host", host, "--auto-approve"]).stderr).toContain("1, 2, 3");
  });

  test("10: another awg holds the lock, and is named", () => {
    const host = machine("locked");
    using _held = takeLock(at("locked.json.state/lock"), { pid: 4242, verb: "apply", sinceMs: 0 });
    const { status, stderr } = apply(host);
    expect(status).toBe(10);
    expect(stderr).toContain("waiting up to 10 s for another awg (process 4242) …");
    expect(stderr).toContain("(process 4242) is changing this host now");
  });

  test("10: another daemon keeps this host; the error has its process", () => {
    const host = machine("kept");
    apply(host);
    using _other = takeDaemonPlace(at("kept.json.state/daemon"), 0);
    const { status, stderr } = awg(["daemon", "--foreground", "-f", at("good.yaml"), "--host", host]);
    expect(status).toBe(10);
    expect(stderr).toContain(
      `another daemon (process ${process.pid}) keeps this host; stop it first: systemctl stop awg.service, or kill ${process.pid}`,
    );
  });

  test("11: a saved plan after the machine changed", () => {
    const host = machine("stale");
    expect(awg(["plan", "-f", at("good.yaml"), "--host", host, "--out", at("stale.plan")]).status).toBe(0);
    expect(apply(host).status).toBe(0);
    const { status, stderr } = awg(["apply", at("stale.plan"), "--host", host]);
    expect(status).toBe(11);
    expect(stderr).toContain("stale");
  });

  test("0: a saved plan that still holds is carried out without a question", () => {
    const host = machine("fresh");
    awg(["plan", "-f", at("good.yaml"), "--host", host, "--out", at("fresh.plan")]);
    expect(awg(["apply", at("fresh.plan"), "--host", host]).status).toBe(0);
  });

  test("12: something that has no driver yet", () => {
    const { status, stderr } = awg(["plan", "-f", at("refused.yaml"), "--host", machine("refused")]);
    expect(status).toBe(12);
    expect(stderr).toContain("rules.0.dns: not implemented yet");
  });

  test.each([[["nonsense"]], [["plan", "--nonsense"]], [[]], [["apply", "-f", at("good.yaml"), "--host", "mars"]]])(
    "64: wrong usage: %j",
    (args) => {
      expect(awg(args).status).toBe(64);
    },
  );

  test.each([
    [["completion", "foo"], 'unknown shell "foo"; use bash, zsh or fish'],
    [["log", "info"], 'unknown argument "info"; use awg log level error, warn, info or debug'],
    [["log", "level"], "no level is given; use awg log level error, warn, info or debug"],
    [["log", "level", "info", "now"], 'unknown argument "now"; use awg log level error, warn, info or debug'],
    [["get", "nothing", "--host", machine("got")], 'there is no resource "nothing"; `awg get '],
  ])("64: wrong usage is named: %j", (args, message) => {
    const { status, stderr } = awg(args);
    expect(status).toBe(64);
    expect(stderr).toContain(`awg: ${message}`);
  });

  test("64: no terminal to ask on, and no --auto-approve", () => {
    const { status, stderr } = awg(["apply", "-f", at("good.yaml"), "--host", machine("unasked")]);
    expect(status).toBe(64);
    expect(stderr).toContain("--auto-approve");
  });

  test("70: an internal error is one sentence, without a stack", () => {
    const once = "{JSON.stringify=write;throw new TypeError('planted')}";
    const planted = `data:text/javascript,const write=JSON.stringify;JSON.stringify=()=>${once}`;
    const { status, stdout, stderr } = awg(["version", "--json"], { env: { NODE_OPTIONS: `--import="${planted}"` } });
    expect(status).toBe(70);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain("planted");
    expect(JSON.parse(stdout).error).toMatchObject({ kind: "bug", exitCode: 70 });
  });

  test("77: needs root", ({ skip }) => {
    if (process.getuid?.() !== 0) skip("needs root, to give it up");
    const { status, stderr } = awg(["status", "--state-dir", at("none")], { uid: 65_534 });
    if (/EACCES|MODULE_NOT_FOUND/.test(stderr)) skip("others may not read the package");
    expect(status).toBe(77);
    expect(stderr).toContain("root");
  });

  test.each<[NodeJS.Signals, number]>([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ])(
    "law 5: %s while it waits to be confirmed brings the old state back and exits %i",
    { timeout: 180_000 },
    async (signal, code) => {
      using waiting = new DisposableStack();
      const host = machine(`signal-waiting-${code}`);
      const asked = ["apply", "-f", at("good.yaml"), "--host", host, "--auto-approve", "--confirm-within", "1h"];
      const child = spawn(process.execPath, argvOf(asked));
      waiting.defer(() => void child.kill("SIGKILL"));
      let reported = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        if (!reported.includes("not confirmed") && `${reported}${text}`.includes("not confirmed")) child.kill(signal);
        reported += text;
      });
      expect(await new Promise((resolve) => child.on("exit", resolve)), reported).toBe(code);
      expect(awg(["status", "--host", host]).stdout).toContain("Nothing is applied");
    },
  );

  test.each<[NodeJS.Signals, number]>([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ])("law 5: %s undoes what had begun and exits %i", async (signal, code) => {
    const host = machine(`signal-${code}`, [meddle]);
    const child = spawn(process.execPath, argvOf(["apply", "-f", at("good.yaml"), "--host", host, "--auto-approve"]));
    let reported = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (!reported.includes("attempt 1") && `${reported}${text}`.includes("attempt 1")) child.kill(signal);
      reported += text;
    });
    const status = await new Promise((resolve) => child.on("exit", resolve));
    expect(status).toBe(code);
    expect(reported).toContain("rolling back");
    expect(awg(["status", "--host", host]).stdout).toContain("Nothing is applied");
  });
});
