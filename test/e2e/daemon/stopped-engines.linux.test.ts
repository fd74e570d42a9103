import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { temporaryFolder } from "../../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../../support/netns.ts";

const reason = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("wireguard-go", "wg", "nft", "ping");
const [CLIENT, SERVER] = ["192.0.2.1", "192.0.2.2"];
const PORT = 51_820;
/** A tunnel of each engine; what the server has behind each. */
const TUNNELS = [
  { name: `so${process.pid}`, engine: "embedded", own: "10.77.1.2", far: "10.88.1.1", key: Buffer.alloc(32, 0x48) },
  { name: `st${process.pid}`, engine: "userspace", own: "10.77.2.2", far: "10.88.2.1", key: Buffer.alloc(32, 0x50) },
] as const;
const [OWN, OTHER] = TUNNELS;

/** Takes the place of an engine's socket and lets so few in that the second who asks is not. */
const DEAF = `import os, socket, sys, time
path = sys.argv[1]
s = socket.socket(socket.AF_UNIX)
s.bind(path + ".deaf")
s.listen(0)
os.rename(path + ".deaf", path)
print("there", flush=True)
time.sleep(100)`;

/** Takes the place of an engine's socket and answers what no engine answers. */
const GARBLED = `import os, socket, sys
path = sys.argv[1]
s = socket.socket(socket.AF_UNIX)
s.bind(path + ".garbled")
s.listen(16)
os.rename(path + ".garbled", path)
print("there", flush=True)
while True:
    asker, _ = s.accept()
    try:
        asker.recv(1000)
        asker.sendall(b"hello\\n\\n")
    except OSError:
        pass
    asker.close()`;

/** Counts at the far end of the wire what goes there in the clear. */
const JUDGE = `table netdev judge {
  counter clear { }
  chain wire {
    type filter hook ingress device wire priority 0;
    ip daddr 10.88.0.0/16 counter name clear;
  }
}
`;

let client: TestNamespace;
let server: TestNamespace;
let serverKey = "";
let folder = "";

const program = useBuiltProgram();
const argv = (...args: readonly string[]) => {
  const started = [process.execPath, "--disable-warning=ExperimentalWarning", program()];
  return [...started, ...args, "--state-dir", join(folder, "state")];
};
const awg = (...args: readonly string[]) => client.run(argv(...args), { mayFail: true });

function apply(config: string) {
  const { status, stderr } = awg("apply", "-f", config, "--auto-approve");
  return { status, stderr: status === 0 ? "" : stderr };
}

/** A configuration whose first tunnel takes one more address from each number on. */
function configOf(number: number, more = ""): string {
  const tunnels = TUNNELS.map(({ name, engine, own, key }) => {
    const peer = `{ publicKey: ${serverKey}, endpoint: "${SERVER}:${PORT}", allowedIPs: [10.88.0.0/16], persistentKeepalive: 1s }`;
    return `  ${name}: { protocol: wireguard, engine: ${engine}, privateKey: { inline: ${key.toString("base64")} }, addresses: [${own}/32], peers: [${peer}] }`;
  });
  const rules = TUNNELS.map(
    ({ name, far }, index) =>
      `  - { destinations: [${[`${far}/32`, ...(index === 0 ? [`10.88.9.${number}/32`] : [])].join(", ")}], via: ${name}, fallback: block }`,
  );
  const path = join(folder, `config-${number}.yaml`);
  const lines = ["apiVersion: awg/v1", "tunnels:", ...tunnels, "rules:", ...rules];
  const text = [...lines, "default: { via: block }", "killSwitch: { enabled: true }", more, ""].join("\n");
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

function pidsIn(space: TestNamespace): number[] {
  return space.run(["ip", "netns", "pids", space.name]).stdout.split("\n").filter(Boolean).map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The process that is the engine of a tunnel. */
function pidOf({ name }: { readonly name: string }): number {
  const found = pidsIn(client).filter((pid) => {
    const words = client.run(["cat", `/proc/${pid}/cmdline`], { mayFail: true }).stdout.split("\0");
    return words.includes(`awg-${name}`) && !words.includes("keeper");
  });
  if (found[0] === undefined) throw new Error(`no engine runs for ${name}`);
  return found[0];
}

const answers = () =>
  TUNNELS.map(({ far }) => client.run(["ping", "-c", "1", "-W", "2", far], { mayFail: true }).status === 0);
const passes = () => expect.poll(answers, { timeout: 30_000, interval: 200 }).toEqual([true, true]);

function clearPackets(): number {
  const text = server.run(["nft", "list", "counter", "netdev", "judge", "clear"]).stdout;
  return Number(/packets (\d+)/.exec(text)?.[1]);
}

describe.skipIf(reason !== undefined)(
  `stopped engines${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 120_000 },
  () => {
    beforeAll(async () => {
      [client, server] = [makeNamespace("stopped"), makeNamespace("stopped-far")];
      folder = temporaryFolder("stopped");
      client.run(["ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", server.name]);
      for (const [space, address] of [
        [client, CLIENT],
        [server, SERVER],
      ] as const) {
        space.run(["ip", "address", "add", `${address}/24`, "dev", "wire"]);
        space.run(["ip", "link", "set", "wire", "up"]);
      }
      client.run(["ip", "route", "add", "default", "via", SERVER]);
      server.run(["nft", "-f", "-"], { input: JUDGE });
      const device = `sf${process.pid}`;
      server.run(["wireguard-go", device]);
      writeFileSync(join(folder, "key"), Buffer.alloc(32, 0x58).toString("base64"), { mode: 0o600 });
      server.run(["wg", "set", device, "listen-port", String(PORT), "private-key", join(folder, "key")]);
      serverKey = server.run(["wg", "show", device, "public-key"]).stdout.trim();
      server.run(["ip", "link", "set", device, "up"]);
      for (const { own, far, key } of TUNNELS) {
        const publicKey = server.run(["wg", "pubkey"], { input: key.toString("base64") }).stdout.trim();
        server.run(["wg", "set", device, "peer", publicKey, "allowed-ips", `${own}/32`]);
        server.run(["ip", "route", "add", `${own}/32`, "dev", device]);
        server.run(["ip", "address", "add", `${far}/32`, "dev", "lo"]);
      }
      expect(apply(configOf(1))).toEqual({ status: 0, stderr: "" });
    }, 60_000);

    afterAll(() => {
      awg("destroy", "--auto-approve");
      const inode = statSync(`/run/netns/${client.name}`).ino;
      for (const space of [client, server]) {
        for (const pid of pidsIn(space)) killIfThere(pid);
        space[Symbol.dispose]();
      }
      rmSync(`/var/run/wireguard/sf${process.pid}.sock`, { force: true });
      for (const left of [`netns-${inode}`, `lock.${inode}`])
        rmSync(`/run/awg/${left}`, { recursive: true, force: true });
    }, 60_000);

    test("are named; the plan replaces only them; a change of another tunnel is not rolled back", async () => {
      await passes();
      const pids = TUNNELS.map(pidOf);
      for (const pid of pids) process.kill(pid, "SIGSTOP");
      const texts = [`awg's engine (process ${pids[0]})`, `wireguard-go (process ${pids[1]})`].map(
        (program) => `${program} is stopped (SIGSTOP)`,
      );
      const { conditions, resources } = JSON.parse(awg("status", "--json").stdout);
      const keys = TUNNELS.map(({ name }) => `tunnel/${name}`);
      const drifted = { type: "Drifted", status: true, message: `${keys.join(", ")} changed outside awg` };
      expect(conditions).toContainEqual(expect.objectContaining(drifted));
      for (const [index, key] of keys.entries())
        expect(resources).toContainEqual(
          expect.objectContaining({
            key,
            summary: texts[index],
            silentEngine: { pid: pids[index], message: texts[index] },
          }),
        );
      const { differences } = JSON.parse(awg("diff", "-f", configOf(1), "--json").stdout);
      expect(differences).toMatchObject(
        keys.map((key, index) => ({
          key,
          action: "update",
          changes: [{ field: "/running", before: texts[index], after: true, drift: true }],
          reason: "its engine does not answer and will be replaced",
        })),
      );
      const { findings } = JSON.parse(awg("doctor", "--json").stdout);
      expect(findings.filter(({ severity }: { severity: string }) => severity === "fault")).toMatchObject(
        keys.map((key, index) => ({ id: "engine-silent", what: `nothing passes ${key}: ${texts[index]}` })),
      );
      expect(apply(configOf(2))).toEqual({ status: 0, stderr: "" });
      await passes();
      expect(TUNNELS.map(pidOf).filter((pid) => pids.includes(pid))).toEqual([]);
      expect(JSON.parse(awg("status", "--json").stdout).generation).toBe(2);
      expect(clearPackets()).toBe(0);
    });

    test("a hung engine, or one without its socket, is treated the same", async () => {
      const socket = `/var/run/wireguard/awg-${OWN.name}.sock`;
      let deaf: ChildProcess | undefined;
      try {
        deaf = spawn("ip", ["netns", "exec", client.name, "python3", "-c", DEAF, socket], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        await once(deaf.stdout as NonNullable<typeof deaf.stdout>, "data");
        const silent = `awg's engine (process ${pidOf(OWN)}) does not answer`;
        expect(awg("drift").stdout).toContain(`engine: running → ${silent}`);
        expect(apply(configOf(3))).toEqual({ status: 0, stderr: "" });
      } finally {
        deaf?.kill();
      }
      await passes();
      rmSync(socket);
      expect(awg("diff", "-f", configOf(3)).stdout).toContain(
        `awg's engine (process ${pidOf(OWN)}) has lost its socket`,
      );
      expect(apply(configOf(4))).toEqual({ status: 0, stderr: "" });
      await passes();
      expect(clearPackets()).toBe(0);
    });

    test("another program that answers nonsense in an engine's place affects only that tunnel", async () => {
      const socket = `/var/run/wireguard/awg-${OWN.name}.sock`;
      const rival = spawn("ip", ["netns", "exec", client.name, "python3", "-c", GARBLED, socket], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        await once(rival.stdout as NonNullable<typeof rival.stdout>, "data");
        const text = `awg's engine (process ${pidOf(OWN)}) is unreachable: python3 (process ${rival.pid}) answers on ${socket} in its place: the engine's reply is not a WireGuard state: it does not end with errno=`;
        const { conditions, resources } = JSON.parse(awg("status", "--json").stdout);
        const [key, other] = TUNNELS.map(({ name }) => `tunnel/${name}`);
        expect(conditions).toContainEqual(
          expect.objectContaining({ type: "Drifted", status: true, message: `${key} changed outside awg` }),
        );
        expect(resources).toContainEqual(expect.objectContaining({ key, summary: text }));
        expect(resources).toContainEqual(expect.objectContaining({ key: other, ready: true }));
        const findings: { severity: string }[] = JSON.parse(awg("doctor", "--json").stdout).findings;
        expect(findings.filter(({ severity }) => severity === "fault")).toEqual([
          expect.objectContaining({ id: "engine-silent", what: `${key} cannot be read or changed: ${text}` }),
        ]);
        const shown = client.run(argv("show").slice(0, 4), { mayFail: true });
        expect(shown.stdout).toContain(`interface: awg-${OTHER.name}`);
        expect(shown).toMatchObject({
          status: 0,
          stderr: expect.stringContaining(`unable to access interface awg-${OWN.name}`),
        });
        expect(apply(configOf(5))).toEqual({ status: 0, stderr: "" });
      } finally {
        rival.kill();
      }
      await passes();
      expect(clearPackets()).toBe(0);
    });

    test("are replaced by the daemon; a missing engine is never reported as applied", async () => {
      const config = configOf(6, "reconcile: { driftEvery: 1s }");
      expect(apply(config)).toEqual({ status: 0, stderr: "" });
      const pid = pidOf(OTHER);
      process.kill(pid, "SIGSTOP");
      const daemon = spawn("ip", ["netns", "exec", client.name, ...argv("daemon", "--foreground", "-f", config)], {
        stdio: "ignore",
      });
      try {
        await passes();
        expect(pidOf(OTHER)).not.toBe(pid);
      } finally {
        daemon.kill();
        await once(daemon, "exit");
      }
      for (const one of pidsIn(client)) killIfThere(one);
      const { conditions } = JSON.parse(awg("status", "--json").stdout);
      const reasonOfDrift = expect.stringMatching(new RegExp(`^tunnel/${OWN.name}, tunnel/${OTHER.name} are gone`));
      expect(conditions).toContainEqual(
        expect.objectContaining({ type: "Drifted", status: true, message: reasonOfDrift }),
      );
      expect(clearPackets()).toBe(0);
    });
  },
);
