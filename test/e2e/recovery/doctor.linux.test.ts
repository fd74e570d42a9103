import { rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { PEER_KEY, sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../support/netns.ts";

const reason = namespaceObstacle() ?? commandObstacle("nft", "ip");

interface Told {
  readonly status: number | null;
  readonly healthy: boolean;
  readonly ids: readonly string[];
  readonly text: string;
}

let space: TestNamespace;
let folder = "";
let inode = 0;
const at = (name: string): string => join(folder, name);

const program = useBuiltProgram();

function awg(...args: readonly string[]) {
  const started = [process.execPath, "--disable-warning=ExperimentalWarning", program()];
  return space.run([...started, ...args, "--state-dir", at("state")], { mayFail: true });
}

function doctor(): Told {
  const { status, stdout, stderr } = awg("doctor", "--json");
  const { healthy, findings } = JSON.parse(stdout || `{"findings":[],"healthy":"${stderr}"}`);
  const faults = findings.filter(({ severity }: { severity: string }) => severity === "fault");
  return { status, healthy, ids: faults.map(({ id }: { id: string }) => id), text: stdout };
}

/** The keeper of the namespace, if it runs, is found by what the kernel says of its processes. */
function killKeeper(): void {
  const pids = space.run(["ip", "netns", "pids", space.name]).stdout.split("\n").filter(Boolean).map(Number);
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It was the listing itself.
    }
  }
}

/** The kernel lets go of a table a moment after its owner was killed. */
async function deleteOrphan(): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (space.run(["nft", "delete", "table", "inet", "awg"], { mayFail: true }).status !== 0) {
    if (performance.now() > deadline) throw new Error("the table awg still has an owner");
    await sleep(50);
  }
}

describe.skipIf(reason !== undefined)(
  `awg doctor on Linux${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 300_000 },
  () => {
    beforeEach(() => {
      space = makeNamespace("doctor");
      inode = statSync(`/run/netns/${space.name}`).ino;
      folder = temporaryFolder("doctor-linux");
      writeFileSync(at("config.yaml"), sampleConfig("default: { via: direct }\nkillSwitch: { enabled: true }\n"));
      const { status, stderr } = awg("apply", "-f", at("config.yaml"), "--auto-approve");
      expect([status, stderr]).toEqual([0, expect.any(String)]);
    });
    afterEach(() => {
      awg("destroy", "--auto-approve");
      killKeeper();
      space[Symbol.dispose]();
      for (const left of [`netns-${inode}`, `lock.${inode}`])
        rmSync(`/run/awg/${left}`, { recursive: true, force: true });
    });

    test("a dead keeper, a flushed policy, another program's rule: each is found, and each remedy works", async () => {
      expect(doctor()).toMatchObject({ status: 0, healthy: true, ids: [] });

      killKeeper();
      expect(doctor()).toMatchObject({ status: 6, healthy: false, ids: ["policy-orphaned"] });
      expect(awg("rollback", "1", "--auto-approve").status).toBe(0);
      expect(doctor().ids).toEqual([]);

      killKeeper();
      await deleteOrphan();
      expect(doctor().ids).toEqual(["policy-missing"]);
      expect(awg("rollback", "1", "--auto-approve").status).toBe(0);
      expect(doctor().ids).toEqual([]);

      space.run(["ip", "rule", "add", "pref", "5270", "from", "192.0.2.9", "table", "52"]);
      space.run([
        "nft",
        "add table inet stranger; add chain inet stranger c { type filter hook input priority 0; policy drop; }",
      ]);
      const { text, ids } = doctor();
      expect(ids).toEqual([]);
      expect(text).toContain("preference 5270, table 52");
      expect(text).toContain("nft list chain inet stranger c");
    });

    test("flushed local routes are named, and each remedy restores one", () => {
      const tunnel = `dl${process.pid}`;
      const key = Buffer.alloc(32, 0x48).toString("base64");
      const text =
        sampleConfig(`tunnels: { ${tunnel}: { protocol: wireguard, engine: embedded, privateKey: { inline: ${key} }, addresses: [10.77.3.2/32, "fd77:3::2/128"], peers: [{ publicKey: ${PEER_KEY}, allowedIPs: [10.77.0.0/16] }] } }
default: { via: block }
killSwitch: { enabled: true }
`);
      rmSync(at("config.yaml"));
      writeFileSync(at("config.yaml"), text, { mode: 0o600 });
      expect(awg("apply", "-f", at("config.yaml"), "--auto-approve")).toMatchObject({ status: 0 });
      for (const line of [
        "link add there type veth peer name far",
        "link set there up",
        "address add 192.0.2.9/24 dev there",
      ])
        space.run(["ip", ...line.split(" ")]);
      const missing = () => {
        const { findings } = JSON.parse(awg("doctor", "--json").stdout);
        return findings.filter(({ id }: { id: string }) => id === "local-routes-missing");
      };
      expect(missing()).toEqual([]);
      space.run(["ip", "-4", "route", "flush", "table", "all"]);
      space.run(["ip", "-6", "route", "flush", "table", "all"]);
      const [finding, ...more] = missing();
      expect(more).toEqual([]);
      expect(finding).toMatchObject({ severity: "fault", what: expect.stringContaining(`awg-${tunnel}`) });
      expect(finding.remedy.slice(0, 2)).toEqual([
        `ip -4 route replace local 10.77.3.2 dev awg-${tunnel} table local proto kernel scope host src 10.77.3.2`,
        `ip -6 route replace local fd77:3::2 dev awg-${tunnel} table local proto kernel`,
      ]);
      const commands: string[] = finding.remedy.filter((line: string) => line.startsWith("ip -"));
      expect(commands.some((line) => line.includes("127.0.0.0/8"))).toBe(true);
      expect(commands.some((line) => line.includes("192.0.2.9 dev there"))).toBe(true);
      for (const line of commands) space.run(line.split(" "));
      expect(missing()).toEqual([]);
      for (const address of ["10.77.3.2", "fd77:3::2", "127.0.0.1", "192.0.2.9"])
        expect(space.run(["ip", "route", "get", address]).stdout).toMatch(/^local /);
    });

    test("a keeper of a deleted namespace is named with the command that ends it, from another namespace too", () => {
      const other = makeNamespace("deleted");
      const state = ["--state-dir", at("other")];
      other.run([process.execPath, program(), "apply", "-f", at("config.yaml"), "--auto-approve", ...state]);
      const namespace = String(statSync(`/run/netns/${other.name}`).ino);
      expect(doctor().text).not.toContain(`network namespace ${namespace}`);
      other[Symbol.dispose]();
      const [, pid = ""] =
        new RegExp(`keeper \\(process ([0-9]+)\\) in the network namespace ${namespace}`).exec(doctor().text) ?? [];
      expect(Number(pid)).toBeGreaterThan(1);
      process.kill(Number(pid), "SIGKILL");
    });

    test("a socket without a listener is named with the command that removes it", async () => {
      const path = `/var/run/wireguard/awg-t${process.pid}.sock`;
      space.run(["mkdir", "-p", "/var/run/wireguard"]);
      const server = createServer().listen(path);
      await new Promise((resolve) => server.once("listening", resolve));
      try {
        expect(doctor().text).not.toContain(path);
        // A socket file stays when its program is killed: node would remove it on close.
        space.run(["cp", "--archive", path, `${path}.kept`]);
        await new Promise((resolve) => server.close(resolve));
        space.run(["mv", `${path}.kept`, path]);
        expect(doctor().text).toContain(`rm ${path}`);
      } finally {
        server.close();
        rmSync(path, { force: true });
        rmSync(`${path}.kept`, { force: true });
      }
    });
  },
);
