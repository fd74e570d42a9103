import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import type { KeeperRequest, KeeperStatus } from "../../src/model/keeper-protocol.ts";
import { LinuxMachine } from "../host/linux/linux-machine.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("wireguard-go", "wg");
const ROOT = { uid: 0, gid: 0 };
const CONFIGURATION = `set=1\nprivate_key=${"77".repeat(32)}\nfwmark=1056964608\nreplace_peers=true\n\n`;
const PUBLIC_KEY = "HPV5q6RaELodHvBtkfyiqp7QoRUFFWUxVUBdCxjLmmc=";

/** Stops a process as a debugger does, until somebody has called at its socket. */
const TRACER = `
import ctypes, os, sys, time
pid, path = int(sys.argv[1]), sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
def trace(request):
    if libc.ptrace(request, pid, None, None) != 0: sys.exit(os.strerror(ctypes.get_errno()))
def callers():
    return open(f"/proc/{pid}/net/unix").read().count(path)
trace(SEIZE)
trace(INTERRUPT)
os.waitpid(pid, 0x40000000)
before = callers()
print(open(f"/proc/{pid}/stat").read().rsplit(")")[-1].split()[0], flush=True)
while callers() == before: time.sleep(0.005)
trace(DETACH)`;

let made = 0;
let machine: LinuxMachine | undefined;

function newMachine(): { machine: LinuxMachine; device: string } {
  machine = new LinuxMachine("keep");
  made += 1;
  return { machine, device: `tk${process.pid % 1_000_000}x${made}` };
}

afterEach(() => {
  machine?.[Symbol.dispose]();
  machine = undefined;
});

const opening = (device: string): KeeperRequest => ({ request: "openDevice", device, alias: "awg:test" });

function engineOn(device: string, user = ROOT): KeeperRequest {
  return {
    request: "ensureEngine",
    device,
    engine: "userspace",
    protocol: "wireguard",
    user,
    configuration: CONFIGURATION,
  };
}

function engineOf(status: KeeperStatus | null): { pid: number; restarts: number } | undefined {
  return status?.devices[0]?.engine;
}

describe.skipIf(obstacle !== undefined)(`the keeper (${obstacle ?? "on this kernel"})`, () => {
  test("none runs until one is asked for; a second start leaves the first", () => {
    const { machine, device } = newMachine();
    expect(machine.keeperStatus).toBeNull();
    const first = machine.keeper(opening(device));
    expect(first).toEqual({ version: 1, pid: expect.any(Number), devices: [{ device }], tables: [], relays: [] });
    expect(machine.keeper({ request: "status" })).toEqual(first);
  });

  test("it ends by itself when it has held nothing for a while", () => {
    const { machine } = newMachine();
    const { pid } = machine.keeper({ request: "status" });
    expect(
      machine.waitFor(
        () => existsSync(`/proc/${pid}`),
        (runs) => !runs,
      ),
    ).toBe(false);
  });

  test("a device has its alias and an engine under another user, with our mtu, and goes with all that was its", () => {
    const { machine, device } = newMachine();
    machine.keeper(opening(device));
    machine.namespace.run(["ip", "link", "set", device, "mtu", "1337", "up"]);
    const engine = engineOf(machine.keeper(engineOn(device, { uid: 64990, gid: 64990 })));
    expect(engine?.pid).toBeGreaterThan(0);
    const shown = machine.namespace.run(["ip", "link", "show", device]).stdout;
    expect(shown).toContain("mtu 1337");
    expect(shown).toContain("alias awg:test");
    expect(machine.namespace.run(["wg", "show", device]).stdout).toMatch(/fwmark: 0x3f000000/);
    const status = machine.namespace.run(["cat", `/proc/${engine?.pid}/status`]).stdout;
    expect(status).toMatch(/^Uid:\t64990\t64990\t64990\t64990$/m);
    // CAP_NET_ADMIN alone.
    expect(status).toMatch(/^CapEff:\t0000000000001000$/m);
    expect(machine.namespace.run(["cat", "/proc/net/udp"]).stdout).toMatch(/ 64990 /);
    expect(machine.keeper({ request: "closeDevice", device }).devices).toEqual([]);
    expect(machine.namespace.run(["ip", "link", "show", device], { mayFail: true }).status).not.toBe(0);
    expect(existsSync(`/var/run/wireguard/${device}.sock`)).toBe(false);
    expect(existsSync(`/proc/${engine?.pid}`)).toBe(false);
  });

  test("an engine that dies is started again with its configuration, while the device keeps its carrier", () => {
    const { machine, device } = newMachine();
    const first = engineOf(machine.keeper(opening(device), engineOn(device)))?.pid ?? 0;
    machine.namespace.run(["ip", "link", "set", device, "up"]);
    machine.kill(first);
    expect(machine.namespace.run(["cat", `/sys/class/net/${device}/carrier`]).stdout.trim()).toBe("1");
    const second = machine.waitFor(
      () => engineOf(machine.keeperStatus),
      (engine) => engine?.restarts === 1 && engine.pid !== 0 && engine.pid !== first,
    );
    expect(second?.restarts).toBe(1);
    const shown = machine.waitFor(
      () => machine.namespace.run(["wg", "show", device, "public-key"], { mayFail: true }).stdout.trim(),
      (key) => key === PUBLIC_KEY,
    );
    expect(shown).toBe(PUBLIC_KEY);
  });

  test("law 5: a keeper that is killed leaves device and engine; the next one takes both over", () => {
    const { machine, device } = newMachine();
    const before = machine.keeper(opening(device), engineOn(device));
    machine.namespace.run(["ip", "link", "set", device, "up"]);
    machine.kill(before.pid);
    expect(machine.namespace.run(["wg", "show", device, "public-key"]).stdout.trim()).toBe(PUBLIC_KEY);
    const after = machine.keeper({ request: "status" });
    expect(after.pid).not.toBe(before.pid);
    expect(engineOf(after)?.pid).toBe(engineOf(before)?.pid);
    // The taken over descriptor alone keeps the carrier.
    machine.kill(engineOf(before)?.pid);
    expect(machine.namespace.run(["cat", `/sys/class/net/${device}/carrier`]).stdout.trim()).toBe("1");
    expect(machine.keeper(engineOn(device)).devices).toHaveLength(1);
  });

  test("law 9: a stopped keeper is reported with its process, and the client waits for it at most a second, once", () => {
    const { machine, device } = newMachine();
    const { pid } = machine.keeper(opening(device));
    process.kill(pid, "SIGSTOP");
    try {
      const work: KeeperRequest = { request: "closeDevice", device };
      const asked = machine.perform([
        { port: "keeper", method: "request", args: [work] },
        { port: "keeper", method: "status", args: [] },
      ]);
      for (const { error } of asked) expect(error).toMatchObject({ kind: "host", facts: { errno: "ETIMEDOUT", pid } });
      const silence = asked.map(
        ({ error }) =>
          new RegExp(`^the keeper \\(process ${pid}\\) behind .* is stopped and did not answer for (.*) s$`).exec(
            error?.message ?? "",
          )?.[1],
      );
      expect(silence).toEqual(["1", "0.5"]);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    expect(machine.keeperStatus).toMatchObject({ pid, devices: [{ device }] });
  });

  test.skipIf(commandObstacle("python3") !== undefined)(
    "law 1: an engine that a debugger holds for a moment is asked, and goes on",
    async () => {
      const { machine, device } = newMachine();
      const before = engineOf(machine.keeper(opening(device), engineOn(device)));
      const argv = ["-c", TRACER, String(before?.pid), `/${device}.sock`];
      const tracer = spawn("python3", argv, { stdio: ["ignore", "pipe", "inherit"] });
      try {
        const [state] = await once(tracer.stdout, "data");
        expect(String(state).trim()).toBe("t");
        expect(engineOf(machine.keeper(engineOn(device)))).toEqual(before);
      } finally {
        tracer.kill("SIGKILL");
      }
    },
  );

  test("law 1: after keeper and engine were both killed, the device exists without carrier", () => {
    const { machine, device } = newMachine();
    const status = machine.keeper(opening(device), engineOn(device));
    machine.namespace.run(["ip", "link", "set", device, "up"]);
    for (const pid of [status.pid, engineOf(status)?.pid ?? 0]) machine.kill(pid);
    const carrier = machine.waitFor(
      () => machine.namespace.run(["cat", `/sys/class/net/${device}/carrier`]).stdout.trim(),
      (text) => text === "0",
    );
    expect(carrier).toBe("0");
    expect(machine.keeper(opening(device)).devices).toEqual([{ device }]);
    expect(machine.namespace.run(["cat", `/sys/class/net/${device}/carrier`]).stdout.trim()).toBe("1");
  });

  test("law 4: an engine without keeper and device does not block the next engine", () => {
    const { machine, device } = newMachine();
    const before = machine.keeper(opening(device), engineOn(device));
    const left = engineOf(before)?.pid ?? 0;
    // Stopped, it does not see its device go, as awg's own engine that has only just started.
    process.kill(left, "SIGSTOP");
    machine.kill(before.pid);
    machine.namespace.run(["ip", "link", "del", device]);
    const after = machine.keeper(opening(device), engineOn(device));
    expect([0, left]).not.toContain(engineOf(after)?.pid);
  });

  test("a deleted device is created again", () => {
    const { machine, device } = newMachine();
    machine.keeper(opening(device));
    machine.namespace.run(["ip", "link", "del", device]);
    expect(machine.keeper(opening(device)).devices).toEqual([{ device }]);
    expect(machine.namespace.run(["ip", "link", "show", device]).stdout).toContain("alias awg:test");
  });

  test("what cannot be done is answered in a sentence, and the keeper goes on", () => {
    const { machine, device } = newMachine();
    const unknown = { ...engineOn(device), protocol: "amneziawg", configuration: "set=1\ns9=1\n\n" };
    const outcomes = machine.perform([
      { port: "keeper", method: "ensureRunning", args: [] },
      { port: "keeper", method: "request", args: [engineOn(device)] },
      { port: "keeper", method: "request", args: [{ request: "openDevice", device: "a/b", alias: "x" }] },
      { port: "keeper", method: "request", args: [opening(device)] },
      { port: "keeper", method: "request", args: [{ ...unknown, protocol: "wireguard" }] },
      { port: "keeper", method: "status", args: [] },
    ]);
    expect(outcomes[1]?.error?.message).toContain("does not hold the device");
    expect(outcomes[2]?.error?.message).toContain("invalid request: device");
    expect(outcomes[4]?.error?.message).toContain("refused its configuration");
    expect(outcomes[5]?.value).toMatchObject({ devices: [{ device }] });
  });
});
