import { describe, expect, it } from "vitest";
import { darwinEngine } from "../../../src/compose/processes.ts";
import { parseSet } from "../../../src/dataplane/uapi/parse-set.ts";
import { settingsAfter } from "../../../src/dataplane/uapi/settings-after.ts";
import { deviceSettings, noSettings } from "../../../src/dataplane/uapi/uapi-settings.ts";
import { readEngineSettings } from "../../../src/host/darwin/engine-settings.ts";
import { ENGINE_SOCKET } from "../../../src/keeper/darwin/engine-launch.ts";
import { openUtun } from "../../../src/native/darwin/link/utun.ts";
import { FakeLibSystem } from "../../host/darwin/fake/fake-libsystem.ts";
import { addressOf, macBook, prefixOf, ROUTE_FLAG } from "../../host/darwin/fake/machine.ts";
import { type Asked, linuxBeneath } from "./linux-beneath.ts";

const isLinux = process.platform === "linux";

describe.skipIf(!isLinux)(`what the data plane asks of macOS${isLinux ? "" : " (Linux's C library is below)"}`, () => {
  it("a socket: tied to its interface, with the largest buffers that the kernel takes, at a port of its own", () => {
    const asked: Asked = { options: [] };
    const { packets } = linuxBeneath(asked);
    using socket = packets.openSocket({ family: 4, port: 0, boundTo: 1, bufferBytes: 7 * 1024 * 1024 });
    expect(socket.port).toBeGreaterThan(0);
    const said = asked.options.map(([fd, level, name, value]) => {
      expect(fd).toBe(socket.fd);
      return [level, name, value];
    });
    const halves = [7_340_032, 3_670_016, 1_835_008];
    expect(said).toEqual([
      [0, 25, 1],
      ...halves.map((bytes) => [65_535, 4098, bytes]),
      ...halves.map((bytes) => [65_535, 4097, bytes]),
    ]);
    const again = () => packets.openSocket({ family: 4, port: socket.port });
    expect(again).toThrowError(expect.objectContaining({ facts: { errno: "EADDRINUSE" } }));
  });

  it("a socket of IPv6, tied by the option of IPv6, and for IPv6 alone", () => {
    const asked: Asked = { options: [] };
    const { packets } = linuxBeneath(asked);
    using _socket = packets.openSocket({ family: 6, port: 0, boundTo: 1 });
    expect(asked.options.map(([, ...said]) => said)).toEqual([
      [41, 27, 1],
      [41, 125, 1],
    ]);
  });

  it("a pipe that wakes, as often as one likes, until it is drained", () => {
    const { packets, system } = linuxBeneath();
    using wake = packets.openWake();
    for (let times = 0; times < 100_000; times += 1) wake.wake();
    const one = new Uint8Array(1);
    expect(system.read(wake.fd, one)).toEqual({ value: 1, errno: 0 });
    while (system.read(wake.fd, one).value === 1) packets.drainWake(wake.fd);
    expect(system.read(wake.fd, one)).toEqual({ value: -1, errno: 35 });
  });

  it("binds no socket to an interface if the endpoint is this host", () => {
    const boundTo = { four: { index: 4, mtuBytes: 1500 } };
    const socketOf = (endpoint: string) => {
      const lines = [`private_key=${"01".repeat(32)}`, `public_key=${"02".repeat(32)}`, `endpoint=${endpoint}`];
      const held = settingsAfter(noSettings(), parseSet(lines));
      return deviceSettings(held, { mtuBytes: 1420, boundTo })?.socket.boundTo;
    };
    expect(socketOf("192.0.2.1:1")).toEqual(boundTo);
    expect(socketOf("[2001:db8::1]:1")).toEqual(boundTo);
    expect(socketOf("127.0.0.1:1")).toBeUndefined();
    expect(socketOf("[::1]:1")).toBeUndefined();
  });
});

describe("an engine's hostSettings on a Mac (a double)", () => {
  it("are its utun's mtu and the interface of each family's default route, no tunnel's", () => {
    const machine = macBook();
    const system = new FakeLibSystem(machine);
    using utun = openUtun(system);
    const device = machine.interfaceNamed(utun.name);
    if (device === undefined) throw new Error("no utun");
    device.mtu = 1280;
    const en0 = machine.interfaceNamed("en0");
    const cable = machine.addInterface("en7", 6, 0x8863, 9000);
    machine.addAddress(cable, { prefix: prefixOf("2001:db8:7::20/64"), peer: undefined });
    const toRouter = { gateway: addressOf("fe80::7"), interfaceIndex: cable.index, scope: 0, mtu: 0 };
    const flags = ROUTE_FLAG.up | ROUTE_FLAG.gateway | ROUTE_FLAG.static;
    machine.routes.push({ ...toRouter, flags, prefix: prefixOf("::/0") });
    const hostSettings = readEngineSettings(system, utun.name);
    expect(hostSettings.mtuBytes).toBe(1280);
    expect(hostSettings.boundTo).toEqual({
      four: { index: en0?.index, mtuBytes: en0?.mtu },
      six: { index: cable.index, mtuBytes: 9000 },
    });
    machine.routes.pop();
    expect(readEngineSettings(system, utun.name).boundTo).toEqual({ four: hostSettings.boundTo?.four });
  });

  it("are read each second, so that sockets follow the host; no other process may read its memory", async () => {
    const system = new FakeLibSystem(macBook());
    const before = process.umask();
    try {
      const handed = await darwinEngine("utun9", { WG_TUN_FD: "7", [ENGINE_SOCKET]: "/run/utun9.sock" }, () => system);
      expect(handed).toMatchObject({ tunFd: 7, uapi: { path: "/run/utun9.sock" }, lookMs: 1000 });
      expect(process.umask()).toBe(0o077);
      expect(handed?.hostSettings().boundTo?.four?.index).toBeGreaterThan(0);
    } finally {
      process.umask(before);
    }
    expect([...system.log.counts.keys()]).toEqual(
      expect.arrayContaining(["setrlimit RLIMIT_CORE", "ptrace PT_DENY_ATTACH"]),
    );
    expect(await darwinEngine("utun9", {}, () => system)).toBeUndefined();
  });
});
