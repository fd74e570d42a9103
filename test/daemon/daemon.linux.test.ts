import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../repository/sources.ts";
import { sampleConfig, tunnelConfig, writePrivateKey } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../support/netns.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "wg", "wireguard-go");
const LONGEST_MS = 45_000;

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

describe.skipIf(obstacle !== undefined)(
  `law 4: the daemon on a real kernel${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const folder = temporaryFolder("daemon");
    const config = join(folder, "config.yaml");
    // The engine's socket lies in a folder that all namespaces share, so the name must be nobody else's.
    const tunnel = `d${process.pid.toString(36)}`.slice(0, 10);
    let machine: TestNamespace;
    let daemon: ChildProcess;
    let reported = "";

    const program = [process.execPath, "--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts")];
    const state = ["--state-dir", join(folder, "state")];
    const awg = (...args: readonly string[]) => machine.run([...program, ...args, ...state], { mayFail: true });
    const rules = (): string => machine.run(["ip", "rule"]).stdout;
    const table = (): string => machine.run(["ip", "-d", "route", "show", "table", "all", "proto", "174"]).stdout;

    async function until(what: string, holds: () => boolean): Promise<void> {
      const endMs = Date.now() + LONGEST_MS;
      while (!holds()) {
        if (Date.now() > endMs) throw new Error(`${what} did not come about; the daemon reported:\n${reported}`);
        await sleep(50);
      }
    }

    function write(printers: string, key = "key"): void {
      const text = tunnelConfig({
        tunnel,
        keyFile: join(folder, key),
        settings: ["engine: userspace"],
        more: `name: lab
rules: [{ destinations: [${printers}], via: direct }]
`,
      });
      writeFileSync(`${config}.new`, text);
      renameSync(`${config}.new`, config);
    }

    /** Starts the daemon, and waits until all is as it wants it. */
    async function start(): Promise<void> {
      const before = reported.length;
      const enter = ["netns", "exec", machine.name];
      daemon = spawn("ip", [...enter, ...program, "daemon", "--foreground", "-f", config, ...state]);
      daemon.stderr?.setEncoding("utf8").on("data", (text: string) => {
        reported += text;
      });
      await until("the first look", () => reported.slice(before).includes("in sync"));
    }

    beforeAll(async () => {
      machine = makeNamespace("daemon");
      machine.run(["ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
      machine.run(["ip", "address", "add", "192.0.2.2/24", "dev", "v0"]);
      for (const device of ["v0", "v1"]) machine.run(["ip", "link", "set", device, "up"]);
      machine.run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
      mkdirSync(join(folder, "state"), { mode: 0o700 });
      writePrivateKey(folder);
      write("192.168.7.0/24");
      await start();
    });

    afterAll(() => {
      daemon?.kill("SIGKILL");
      if (machine !== undefined) awg("destroy", "--auto-approve");
      machine?.[Symbol.dispose]();
    });

    test("applies the config when it starts", () => {
      expect(reported).toContain("applying the config: ");
      expect(rules()).toContain("192.168.7.0/24");
      expect(awg("diff", "-f", config).status).toBe(0);
    });

    test("A11: a route and all policy rules that another program deletes come back", async () => {
      machine.run(["ip", "route", "del", "default", "dev", `awg-${tunnel}`, "table", String(0x61770001)]);
      await until("the route", () => /default dev awg-/.test(table()));
      machine.run(["ip", "rule", "flush"]);
      await until("the rules", () => rules().includes("192.168.7.0/24"));
      await until("its words", () => reported.includes("repairing: routes/policy"));
      // Whether it is still there to be looked at when the kernel has told is the scheduler's to say.
      expect(reported).toMatch(
        /policy rules, by (?:ip \(process [0-9]+\)|a program that has closed its netlink socket \(port [0-9]+)/,
      );
      // The flush took the system's own rule for the main table too, which is not awg's to bring back.
      machine.run(["ip", "rule", "add", "preference", "32766", "lookup", "main"]);
    });

    test("rp_filter set by another program is reported by the kernel and put back, which is no news to the daemon itself", async () => {
      const setting = () => machine.run(["cat", "/proc/sys/net/ipv4/conf/all/rp_filter"]).stdout.trim();
      expect(setting()).toBe("2");
      const before = reported.length;
      machine.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter"]);
      await until("strict filtering's end", () => setting() === "2");
      await until("its words", () => /kernel settings[\s\S]*in sync/.test(reported.slice(before)));
      await sleep(1_000);
      expect(reported.slice(before).split("kernel settings")).toHaveLength(2);
    });

    const pidOf = (command: string): number | undefined => {
      const pids = machine.run(["ip", "netns", "pids", machine.name]).stdout.split("\n").filter(Boolean);
      return pids.map(Number).find((pid) => commandOf(pid).includes(command));
    };

    test("A2: a keeper that is killed is noticed at once, and the next one owns the tables", async () => {
      const before = reported.length;
      const keeperPid = () => pidOf(" keeper --run-dir");
      const first = keeperPid() ?? 0;
      expect(first).toBeGreaterThan(1);
      process.kill(first, "SIGKILL");
      await until("the keeper's end", () => reported.slice(before).includes("the keeper ended"));
      await until("another keeper", () => ![undefined, first].includes(keeperPid()));
      await until("rest", () => awg("diff", "-f", config).status === 0);
    });

    test("A2: an engine that the next keeper took over and has no configuration for is started again when it dies", async () => {
      const before = reported.length;
      const first = pidOf("wireguard-go") ?? 0;
      expect(first).toBeGreaterThan(1);
      process.kill(first, "SIGKILL");
      await until("the repair", () => reported.slice(before).includes(`repairing: tunnel/${tunnel}`));
      expect(reported.slice(before).split("repairing: ")[0]).toMatch(/reading the host again: .*devices/);
      await until("another engine", () => ![undefined, first].includes(pidOf("wireguard-go")));
      await until("rest", () => awg("diff", "-f", config).status === 0);
    });

    test("A12: no flush of another program removes the tables", () => {
      machine.run(["nft", "flush", "ruleset"], { mayFail: true });
      expect(machine.run(["nft", "list", "tables"]).stdout).toContain("table inet awg");
    });

    test("A13: when addresses move, the daemon goes on and the engine keeps its endpoint", async () => {
      const before = reported.length;
      const endpoint = (): string =>
        machine.run(["wg", "show", `awg-${tunnel}`, "endpoints"], { mayFail: true }).stdout;
      expect(endpoint()).toContain("192.0.2.1:51820");
      machine.run(["ip", "address", "del", "192.0.2.2/24", "dev", "v0"]);
      machine.run(["ip", "address", "add", "192.0.2.3/24", "dev", "v0"]);
      await until("the addresses' event", () => reported.slice(before).includes("addresses"));
      machine.run(["ip", "route", "replace", "default", "via", "192.0.2.1"]);
      await until("the endpoint", () => endpoint().includes("192.0.2.1:51820"));
      expect(daemon.exitCode).toBeNull();
    });

    test("D8: an edited config is applied, one with an error is reported and changes nothing", async () => {
      write("192.168.9.0/24");
      await until("the edited rule", () => rules().includes("192.168.9.0/24"));
      const good = rules();
      writeFileSync(config, sampleConfig("name: lab\ndefault: {via: direct\n"));
      await until("the report", () => reported.includes("[yaml-syntax]"));
      expect(rules()).toBe(good);
      write("192.168.7.0/24");
      await until("the first rule", () => rules().includes("192.168.7.0/24"));
    });

    test("a config that cannot be applied is reported, and what was accepted is still repaired", async () => {
      write("192.168.11.0/24", "absent");
      await until("the report", () => reported.includes("the accepted state stays"));
      machine.run(["ip", "rule", "flush"]);
      await until("the rules", () => rules().includes("192.168.7.0/24"));
      expect(rules()).not.toContain("192.168.11.0/24");
      write("192.168.7.0/24");
    });

    test("SIGHUP makes it look, and does not end it", async () => {
      const before = reported.length;
      daemon.kill("SIGHUP");
      await until("a look", () => /SIGHUP[\s\S]*in sync/.test(reported.slice(before)));
      expect(daemon.exitCode).toBeNull();
    });

    test("A10: who fights over a policy rule is named", async () => {
      const before = reported.length;
      const [preference = ""] = /^1[0-9]{4}(?=:)/m.exec(rules()) ?? [];
      const rival = spawn("ip", ["netns", "exec", machine.name, "ip", "-force", "-batch", "-"]);
      const said = () => reported.slice(before);
      while (!said().includes("Contended")) {
        rival.stdin.write(`rule delete preference ${preference}\n`);
        await sleep(100);
        if (rival.exitCode !== null) throw new Error(said());
      }
      const exit = once(rival, "exit");
      rival.stdin.end();
      await exit;
      const by = `policy rules, by ip (process ${rival.pid}), child of `;
      expect(said()).toContain(`reading the host again: ${by}`);
      expect(said()).toContain(`Contended: other programs keep changing routes/policy (${by}`);
      expect(said()).toContain(`Stalled: others (${by}`);
      await until("the rule", () => rules().includes(`${preference}:`));
    });

    test("law 1: its end changes nothing on the machine", async () => {
      await until("rest", () => awg("diff", "-f", config).status === 0);
      const [rulesBefore, tableBefore] = [rules(), table()];
      daemon.kill("SIGTERM");
      const code = await new Promise((resolve) =>
        daemon.exitCode === null ? daemon.on("exit", resolve) : resolve(daemon.exitCode),
      );
      expect(code).toBe(0);
      expect([rules(), table()]).toEqual([rulesBefore, tableBefore]);
      expect(machine.run(["nft", "list", "tables"]).stdout).toContain("table inet awg");
    });

    test("started again, it leaves a rollback alone, and proposes its file once that is edited", async () => {
      const holding = (): string => /^\* +([0-9]+) /m.exec(awg("history").stdout)?.[1] ?? "";
      expect(awg("rollback", "2", "--auto-approve").status).toBe(0);
      const generation = holding();
      const before = rules();
      expect(before).toContain("192.168.9.0/24");
      await start();
      expect([holding(), rules()]).toEqual([generation, before]);
      expect(reported).toContain("was proposed before");
      write("192.168.13.0/24");
      await until("the edited rule", () => rules().includes("192.168.13.0/24"));
    });
  },
);
