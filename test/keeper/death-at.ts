import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "vitest";
import type { KeeperStatus } from "../../src/model/keeper-protocol.ts";
import type { LinkObserved, LinkSpec } from "../../src/model/resources/link.ts";
import type { TunnelSpec } from "../../src/model/resources/tunnel.ts";
import { type HostCall, type HostOutcome, LinuxMachine } from "../host/linux/linux-machine.ts";

const MOST_CALLS = 30;
const ENSURE_RUNNING: HostCall = { port: "keeper", method: "ensureRunning", args: [] };
const STATUS: HostCall = { port: "keeper", method: "status", args: [] };

/**
 * Kills a keeper at its first, second … call of one kind while it makes a device and its engine, until it survives;
 * after each death another keeper must bring the same about.
 * @returns how many deaths there were
 */
export async function dieAtEach(call: string): Promise<number> {
  for (let n = 1; n <= MOST_CALLS; n += 1) if (!(await surviveDeathAt(call, n))) return n - 1;
  throw new Error(`the keeper makes more than ${MOST_CALLS} calls of ${call}`);
}

async function surviveDeathAt(call: string, n: number): Promise<boolean> {
  using machine = new LinuxMachine("crash");
  const device = `tc${process.pid % 1_000_000}x${n}`;
  const applying = applyCalls(machine, device);
  const [, started] = machine.perform([ENSURE_RUNNING, STATUS]);
  const pid = (started?.value as KeeperStatus | undefined)?.pid;
  let status: HostOutcome | undefined;
  {
    await using _tracer = await killAt(pid ?? 0, call, n);
    status = machine.perform([...applying, STATUS]).at(-1);
  }
  const hasDied = (status?.value as KeeperStatus | null | undefined)?.pid !== pid;
  const [link, engine, links, engines, removal] = machine.perform([
    ...applying,
    { port: "links", method: "read", args: [] },
    { port: "engines", method: "readAll", args: [] },
    { port: "links", method: "remove", args: [device] },
  ]);
  const errors = [link, engine, removal].map((outcome) => outcome?.error);
  expect(errors, `after a death at ${call} ${n}`).toEqual([undefined, undefined, undefined]);
  const devices = (links?.value as LinkObserved[] | undefined)?.filter(({ type }) => type === "tun");
  expect(devices).toMatchObject([{ device, tunnel: "office", held: true, up: true, mtuBytes: 1380 }]);
  expect(engines?.value).toMatchObject([{ device, running: true, fwmark: 7 }]);
  return hasDied;
}

/** strace on the keeper's main thread, which makes all calls to the kernel that matter; resolves when it is attached. */
async function killAt(pid: number, call: string, n: number): Promise<AsyncDisposable> {
  const fault = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${n}`];
  const tracer = spawn("strace", ["-o", "/dev/null", ...fault, "-p", String(pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(tracer, "exit");
  await Promise.race([once(tracer.stderr, "data"), ended]);
  expect(tracer.exitCode, "strace attaches").toBeNull();
  return {
    [Symbol.asyncDispose]: async () => {
      tracer.kill("SIGKILL");
      await ended;
    },
  };
}

function applyCalls(machine: LinuxMachine, device: string): readonly HostCall[] {
  const { link, tunnel } = specsFor(machine, device);
  return [
    { port: "links", method: "ensure", args: [link] },
    { port: "engines", method: "ensure", args: [tunnel] },
  ];
}

function specsFor(machine: LinuxMachine, device: string): { link: LinkSpec; tunnel: TunnelSpec } {
  return {
    link: { device, type: "tun", addresses: ["10.8.0.2/32"], mtuBytes: 1380, tunnel: "office" },
    tunnel: {
      device,
      protocol: "wireguard",
      engine: "userspace",
      privateKey: machine.addSecret("48".repeat(32)),
      listenPort: 0,
      fwmark: 7,
      peers: [],
      obfuscation: {},
    },
  };
}
