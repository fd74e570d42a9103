import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { LinkSpec } from "../../../src/model/resources/link.ts";
import type { PeerSpec, TunnelObserved, TunnelSpec } from "../../../src/model/resources/tunnel.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { LinuxMachine } from "./linux-machine.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("wireguard-go", "wg", "ss");
/** Private keys in hex, clamped as RFC 7748 section 5 wants them: an engine gives back no other. */
const ALICE = "48".repeat(32);
const BOB = "50".repeat(32);
const PORT = 51_820;

const SPEC = {
  protocol: "wireguard",
  engine: "userspace",
  listenPort: 0,
  fwmark: 0x3f000000,
  peers: [],
  obfuscation: {},
} as const;

let made = 0;
const machines: LinuxMachine[] = [];
afterEach(() => {
  for (const machine of machines.splice(0)) machine[Symbol.dispose]();
});

interface Side {
  readonly machine: LinuxMachine;
  readonly device: string;
  readonly publicKey: string;
  readonly spec: TunnelSpec;
}

/** One end of a tunnel, not yet connected: device up, key and port set. */
function newSide(label: string, address: string, secret: string, listenPort: number): Side {
  const machine = new LinuxMachine(label);
  machines.push(machine);
  made += 1;
  const device = `te${process.pid % 1_000_000}x${made}`;
  const link: LinkSpec = { device, type: "tun", addresses: [address], mtuBytes: 1380, tunnel: label };
  machine.call("links", "ensure", link);
  const spec: TunnelSpec = { ...SPEC, device, privateKey: machine.addSecret(secret), listenPort };
  machine.call("engines", "ensure", spec);
  const publicKey = machine.namespace.run(["wg", "show", device, "public-key"]).stdout.trim();
  return { machine, device, publicKey, spec };
}

/** Two namespaces on one cable: 192.0.2.1 and 192.0.2.2. */
function connect(a: LinuxMachine, b: LinuxMachine): void {
  a.namespace.run(["ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", b.namespace.name]);
  for (const [machine, address] of [
    [a, "192.0.2.1/24"],
    [b, "192.0.2.2/24"],
  ] as const) {
    machine.namespace.run(["ip", "address", "add", address, "dev", "wire"]);
    machine.namespace.run(["ip", "link", "set", "wire", "up"]);
  }
}

function peer(publicKey: string, more: Partial<PeerSpec> = {}): PeerSpec {
  return { publicKey, allowedIPs: ["10.99.0.0/24"], persistentKeepaliveSeconds: 0, ...more };
}

const read = ({ machine, device }: Side) => machine.call<TunnelObserved | null>("engines", "read", device);

function canPing({ machine }: Side, address: string): boolean {
  return machine.namespace.run(["ping", "-c", "1", "-W", "2", address], { mayFail: true }).status === 0;
}

describe.skipIf(obstacle !== undefined)(`engines (${obstacle ?? "on this kernel"})`, () => {
  test("a port that another program has is refused with what a person knows that program by", async () => {
    const { machine, spec } = newSide("taken", "10.99.0.1/24", ALICE, 0);
    const script = join(machine.folder, "resolver.mjs");
    writeFileSync(
      script,
      `import { createSocket } from "node:dgram";
createSocket("udp4").bind(${PORT}, "0.0.0.0", () => console.log("bound"));`,
    );
    const holder = spawn("ip", [
      "netns",
      "exec",
      machine.namespace.name,
      process.execPath,
      script,
      "--token",
      "s3cret",
    ]);
    try {
      await once(holder.stdout, "data");
      expect(() => machine.call("engines", "ensure", { ...spec, listenPort: PORT })).toThrow(
        `UDP port ${PORT} is in use by node resolver.mjs (process ${holder.pid})`,
      );
    } finally {
      holder.kill();
    }
  });

  test("an engine is started once, is read back as it was said, and goes", () => {
    const side = newSide("one", "10.99.0.1/24", ALICE, 0);
    const { machine, device, spec } = side;
    const psk = machine.addSecret("42".repeat(32));
    const peers = [
      peer(Buffer.alloc(32, 1).toString("base64"), {
        presharedKey: psk,
        endpoint: "192.0.2.2:51820",
        allowedIPs: ["0.0.0.0/0", "::/0"],
        persistentKeepaliveSeconds: 25,
      }),
      peer(Buffer.alloc(32, 2).toString("base64"), { endpoint: "[2001:db8::2]:443", allowedIPs: ["10.1.0.0/16"] }),
    ];
    const wanted = { ...spec, peers };
    machine.call("engines", "ensure", wanted);
    const seen = read(side);
    expect(seen).toMatchObject({ ...wanted, listenPort: seen?.listenPort ?? -1, running: true });
    expect(seen?.listenPort).toBeGreaterThan(0);
    expect(machine.call("engines", "readAll")).toEqual([seen]);
    const pid = machine.keeperStatus?.devices[0]?.engine?.pid;
    machine.call("engines", "ensure", wanted);
    expect(read(side)).toEqual(seen);
    expect(machine.keeperStatus?.devices[0]?.engine?.pid).toBe(pid);
    machine.call("engines", "remove", device);
    expect(read(side)).toBeNull();
    machine.call("engines", "remove", device);
    expect(machine.namespace.run(["ip", "link", "show", device]).stdout).toContain("mtu 1380");
  });

  test("packets pass, and a peer more leaves the session of the first", () => {
    const alice = newSide("alice", "10.99.0.1/24", ALICE, PORT);
    const bob = newSide("bob", "10.99.0.2/24", BOB, PORT);
    connect(alice.machine, bob.machine);
    const withBob = { ...alice.spec, peers: [peer(bob.publicKey, { endpoint: `192.0.2.2:${PORT}` })] };
    alice.machine.call("engines", "ensure", withBob);
    bob.machine.call("engines", "ensure", { ...bob.spec, peers: [peer(alice.publicKey)] });
    expect(alice.machine.waitFor(() => canPing(alice, "10.99.0.2"), Boolean)).toBe(true);
    const before = read(alice)?.peers[0];
    expect(before?.lastHandshakeSeconds).toBeGreaterThan(0);
    const second = peer(Buffer.alloc(32, 255).toString("base64"), { allowedIPs: ["10.98.0.0/24"] });
    const peers = [...withBob.peers, second].toSorted((a, b) => (a.publicKey < b.publicKey ? -1 : 1));
    alice.machine.call("engines", "ensure", { ...withBob, peers });
    expect(canPing(alice, "10.99.0.2")).toBe(true);
    const after = read(alice)?.peers.find(({ publicKey }) => publicKey === bob.publicKey);
    expect(after?.lastHandshakeSeconds).toBe(before?.lastHandshakeSeconds);
    expect(after?.receivedBytes).toBeGreaterThan(before?.receivedBytes ?? 0);
  });

  test("law 4: an engine that hangs is seen as not running, and is started again", () => {
    const side = newSide("hang", "10.99.0.1/24", ALICE, 0);
    const pid = side.machine.keeperStatus?.devices[0]?.engine?.pid;
    if (pid === undefined) throw new Error("no engine runs");
    process.kill(pid, "SIGSTOP");
    const text = `wireguard-go (process ${pid}) is stopped (SIGSTOP)`;
    const silence = { pid, text, isForeign: false, canGoOn: true };
    expect(read(side)).toMatchObject({ running: false, engine: "userspace", silence });
    side.machine.call("engines", "ensure", side.spec);
    expect(read(side)).toMatchObject({ running: true, privateKey: side.spec.privateKey });
    expect(side.machine.keeperStatus?.devices[0]?.engine?.pid).not.toBe(pid);
  });

  test("an engine that another program started is not ended because it was stopped", () => {
    const machine = new LinuxMachine("foreign");
    machines.push(machine);
    const device = `te${process.pid % 1_000_000}f`;
    machine.namespace.run(["wireguard-go", device]);
    const link: LinkSpec = { device, type: "tun", addresses: [], mtuBytes: 1420, tunnel: "foreign" };
    machine.call("links", "adopt", link);
    const spec: TunnelSpec = { ...SPEC, device, privateKey: machine.addSecret(ALICE) };
    machine.call("engines", "ensure", spec);
    const pid = machine.keeperStatus?.devices[0]?.engine?.pid ?? 0;
    process.kill(pid, "SIGSTOP");
    try {
      const text = `wireguard-go (process ${pid}), which another program started, is stopped (SIGSTOP)`;
      expect(machine.call("engines", "read", device)).toMatchObject({
        running: false,
        silence: { isForeign: true, text },
      });
      expect(() => machine.call("engines", "ensure", { ...spec, fwmark: 1 })).toThrow(
        `conflict: ${device} is held: ${text}`,
      );
    } finally {
      process.kill(pid, "SIGCONT");
    }
    expect(machine.call("engines", "read", device)).toMatchObject({ running: true, fwmark: spec.fwmark });
    expect(machine.keeperStatus?.devices[0]?.engine?.pid).toBe(pid);
  });

  test("law 4: an engine that does not answer is not asked again at each look", () => {
    const side = newSide("rest", "10.99.0.1/24", ALICE, 0);
    const pid = side.machine.keeperStatus?.devices[0]?.engine?.pid;
    if (pid === undefined) throw new Error("no engine runs");
    const look = { port: "engines", method: "read", args: [side.device] } as const;
    process.kill(pid, "SIGSTOP");
    try {
      const looks = [look, look, look, look, look, look];
      for (const { value } of side.machine.perform(looks)) expect(value).toMatchObject({ running: false });
      // Whoever asked and gave up waits to be accepted still (Recv-Q).
      const listening = side.machine.namespace.run(["ss", "-xlH"]).stdout.split("\n");
      const [, , asked] = listening.find((line) => line.includes(`/${side.device}.sock `))?.split(/ +/) ?? [];
      expect(Number(asked)).toBeGreaterThan(0);
      expect(Number(asked)).toBeLessThan(looks.length);
    } finally {
      process.kill(pid, "SIGCONT");
    }
  });

  test("law 6: the device of an engine that is not ours is refused", () => {
    const side = newSide("held", "10.99.0.1/24", ALICE, 0);
    const outcomes = side.machine.perform([
      { port: "engines", method: "ensure", args: [{ ...side.spec, engine: "kernel" }] },
      { port: "engines", method: "ensure", args: [{ ...side.spec, device: "absent0" }] },
    ]);
    expect(outcomes.map(({ error }) => error?.kind)).toEqual(["unsupported", "host"]);
  });

  test("law 8: no secret is in the engine's arguments, its environment or any file of the run folder", () => {
    const side = newSide("mute", "10.99.0.1/24", ALICE, 0);
    const status = side.machine.keeperStatus;
    const places = [status?.pid, status?.devices[0]?.engine?.pid].flatMap((pid) => [
      `/proc/${pid}/cmdline`,
      `/proc/${pid}/environ`,
    ]);
    const text = side.machine.namespace.run(["cat", ...places]).stdout;
    const base64 = Buffer.from(ALICE, "hex").toString("base64");
    expect(text).toContain("wireguard-go");
    for (const form of [ALICE, base64]) {
      expect(text).not.toContain(form);
      const hits = side.machine.namespace.run(["grep", "-rlaF", form, side.machine.folder], { mayFail: true });
      expect(hits.stdout).toBe("");
    }
  });
});
