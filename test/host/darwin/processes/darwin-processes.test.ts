import { beforeEach, describe, expect, test } from "vitest";
import { darwinProcesses } from "../../../../src/host/darwin/processes/darwin-processes.ts";
import type { ProcessEvent, ProcessPort } from "../../../../src/host/ports/processes.ts";
import { AwgError } from "../../../../src/model/error.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { Looks } from "../fake/looks.ts";
import { FakeMachine } from "../fake/machine.ts";
import type { FakeProcessList } from "../fake/processes/process-list.ts";

const TUPLE = {
  protocol: "tcp",
  local: { address: "192.0.2.5", port: 50_000 },
  remote: { address: "203.0.113.7", port: 443 },
} as const;
const SOCKET = {
  protocol: "tcp",
  local: ["192.0.2.5", 50_000],
  remote: ["203.0.113.7", 443],
  uid: 501,
  lastPid: 300,
  name: 0xfeed_0001n,
} as const;

describe("processes of a Mac", () => {
  let kernel: FakeProcessList;
  let system: FakeLibSystem;
  let port: ProcessPort;
  let nowMs: number;
  let look: Looks["look"];

  beforeEach(() => {
    const machine = new FakeMachine();
    kernel = machine.processes;
    system = new FakeLibSystem(machine);
    nowMs = 0;
    const looks = new Looks();
    look = looks.look;
    port = darwinProcesses({ system, nowMs: () => nowMs, every: looks.every });
  });

  test("are listed with number, name, path, user, start and arguments", () => {
    kernel.add({ pid: 300, name: "Google Chrome He", uid: 501, parentPid: 7 });
    const { programs, unseen } = port.list();
    expect(programs.map(({ pid }) => pid)).toEqual([1, 4242, 300]);
    expect(unseen).toEqual([]);
    expect(programs.at(-1)).toEqual({
      pid: 300,
      since: 1300n,
      parentPid: 7,
      uid: 501,
      name: "Google Chrome H",
      path: "/Applications/P300.app/Contents/MacOS/P300",
      startedMs: 1_700_000_000_300,
      commandLine: ["P300", "-x"],
      cgroup: null,
      bundleIds: [],
      signer: null,
    });
  });

  test("a list that fills its buffer is read again with more room", () => {
    for (let pid = 1; pid <= 1500; pid++) kernel.add({ pid });
    expect(port.list().programs).toHaveLength(1501);
    expect(system.log.counts.get("proc_listpids")).toBe(2);
  });

  test("another user's: start and arguments stay unseen, and that is said; a replaced file too", () => {
    system.caller.uid = 501;
    kernel.add({ pid: 300, uid: 0 });
    const gone = kernel.add({ pid: 301 });
    delete gone.path;
    const { programs, unseen } = port.list();
    const fieldsOf = (pid: number) => Object.keys(programs.find((one) => one.pid === pid) ?? {});
    expect(fieldsOf(300)).toContain("path");
    expect(fieldsOf(300)).not.toContain("startedMs");
    expect(fieldsOf(301)).toContain("startedMs");
    expect(fieldsOf(301)).not.toContain("path");
    expect(unseen).toEqual([
      "the files of 1 program, deleted or replaced since they started",
      "the arguments of 3 programs of other users",
    ]);
  });

  test("a process that ends, or loses its number to another, while it is read is no process", () => {
    kernel.add({ pid: 300 });
    kernel.onLook = (pid, call) => {
      if (call === "PROC_PIDPATHINFO") kernel.add({ pid, uniqueId: 9999n, path: "/bin/other" });
    };
    expect(port.read(300)).toBeUndefined();
    kernel.onLook = () => kernel.all.delete(300);
    expect(port.read(300)).toBeUndefined();
    expect(port.isAlive({ pid: 300, since: 1300n })).toBe(false);
  });

  test.each([76, 104])("a socket's process, its records of %i bytes", (bytes) => {
    kernel.socketRecordBytes = bytes;
    kernel.add({ pid: 300, sockets: { 9: SOCKET.name } });
    kernel.sockets.push(SOCKET, {
      ...SOCKET,
      protocol: "udp",
      local: ["2001:db8::5", 5353],
      remote: ["::", 0],
      name: 0xfeed_0002n,
    });
    expect(port.ownerOf(TUPLE)).toEqual({ uid: 501, holders: [{ pid: 300, since: 1300n }] });
    // The second socket is not among its files: somebody else has it by now.
    const local = { address: "2001:db8::5", port: 5353 };
    expect(port.ownerOf({ protocol: "udp", local })).toEqual({ uid: 501, holders: [] });
    expect(port.sockets().sockets).toHaveLength(2);
    expect(port.ownerOf({ ...TUPLE, local: { ...TUPLE.local, port: 1 } })).toBeUndefined();
  });

  test("the number of who used a socket last was given to another process: that one is not blamed", () => {
    kernel.add({ pid: 300, uniqueId: 5555n, sockets: {} });
    kernel.sockets.push(SOCKET);
    expect(port.ownerOf(TUPLE)?.holders).toEqual([]);
  });

  test("nor in the list of all, which reads the files of a process once, and counts by process, not by number", () => {
    kernel.add({ pid: 300, uniqueId: 5555n, sockets: { 4: 0xfeed_0009n } });
    kernel.add({ pid: 301, sockets: { 3: 0xfeed_0002n, 5: 0xfeed_0003n } });
    const of = (name: bigint, lastPid: number) => ({
      ...SOCKET,
      name,
      lastPid,
      local: ["192.0.2.5", Number(name & 0xffffn)] as const,
    });
    kernel.sockets.push(SOCKET, ...[0xfeed_0002n, 0xfeed_0003n].map((name) => of(name, 301)), of(0xfeed_0004n, 302));
    const { sockets, unseen } = port.sockets();
    const second = { pid: 301, since: 1301n };
    expect(sockets.map(({ holders }) => holders)).toEqual([[], [second], [second], []]);
    expect(unseen).toEqual([]);
    expect(system.log.counts.get("PROC_PIDLISTFDS")).toBe(2);
  });

  test("without the right to look into a process the kernel's note counts", () => {
    system.caller.uid = 502;
    kernel.add({ pid: 300 });
    kernel.sockets.push(SOCKET);
    const noted = [{ pid: 300, since: 1300n }];
    expect(port.ownerOf(TUPLE)?.holders).toEqual(noted);
    const { sockets, unseen } = port.sockets();
    expect(sockets.map(({ holders }) => holders)).toEqual([noted]);
    expect(unseen).toEqual(["the sockets of 1 program of other users, except their last users"]);
  });

  test("a service's socket names the program that it is used for", () => {
    kernel.add({ pid: 300, sockets: { 4: SOCKET.name } });
    kernel.add({ pid: 700 });
    kernel.sockets.push({ ...SOCKET, behalfPid: 700 });
    expect(port.ownerOf(TUPLE)?.behalf).toEqual({ pid: 700, since: 1700n });
  });

  test("the list is read once in 300 ms, however many ask, and again while it grows", () => {
    kernel.add({ pid: 300, sockets: { 9: SOCKET.name } });
    kernel.sockets.push(SOCKET);
    const asked = () => system.log.counts.get("sysctlbyname net.inet.tcp.pcblist_n") ?? 0;
    for (let call = 0; call < 50; call++) port.ownerOf({ ...TUPLE, local: { ...TUPLE.local, port: call } });
    expect(asked()).toBe(2);
    nowMs = 300;
    kernel.growing = 3;
    expect(port.ownerOf(TUPLE)?.holders).toHaveLength(1);
    expect(asked()).toBe(2 + 5);
  });

  test("a UDP socket that is bound to no address has the datagrams of each", () => {
    kernel.add({ pid: 300, sockets: { 9: 7n } });
    kernel.sockets.push({ ...SOCKET, protocol: "udp", local: ["0.0.0.0", 53], remote: ["0.0.0.0", 0], name: 7n });
    const tuple = { protocol: "udp", local: { address: "192.0.2.5", port: 53 }, remote: TUPLE.remote } as const;
    expect(port.ownerOf(tuple)?.holders).toEqual([{ pid: 300, since: 1300n }]);
  });

  describe("a UDP socket of IPv6 bound to ::", () => {
    const ofBoth = { ...SOCKET, protocol: "udp", local: ["::", 5353], remote: ["::", 0], name: 7n } as const;
    const holders = [{ pid: 300, since: 1300n }];
    const owner = (address: string) =>
      port.ownerOf({ protocol: "udp", local: { address, port: 5353 }, remote: { address, port: 9 } })?.holders;

    beforeEach(() => {
      kernel.add({ pid: 300, sockets: { 9: 7n } });
      kernel.add({ pid: 301, sockets: { 9: 8n } });
    });

    test("has the datagrams of both families, which the kernel marks it with, and is listed as IPv6", () => {
      kernel.sockets.push(ofBoth);
      expect(owner("2001:db8::5")).toEqual(holders);
      expect(owner("192.0.2.5")).toEqual(holders);
      expect(port.sockets().sockets.map(({ local }) => local)).toEqual([{ address: "::", port: 5353 }]);
    });

    test("yields to one of IPv4 at the same port", () => {
      const ofIpv4 = { local: ["0.0.0.0", 5353], remote: ["0.0.0.0", 0], lastPid: 301, name: 8n } as const;
      kernel.sockets.push({ ...ofBoth, ...ofIpv4 }, ofBoth);
      expect(owner("2001:db8::5")).toEqual(holders);
      expect(owner("192.0.2.5")).toEqual([{ pid: 301, since: 1301n }]);
    });

    test("has none of IPv4's where it was made for IPv6 only", () => {
      kernel.sockets.push({ ...ofBoth, isV6Only: true });
      expect(owner("2001:db8::5")).toEqual(holders);
      expect(owner("192.0.2.5")).toBeUndefined();
    });
  });

  test("starts and ends are reported: exec and exit by the queue, new processes by the list", async () => {
    kernel.add({ pid: 300 });
    kernel.add({ pid: 301 });
    const events: ProcessEvent[] = [];
    const watch = port.watch((event) => events.push(event));
    expect(events).toEqual([]);
    kernel.exec(300);
    kernel.end(301);
    kernel.add({ pid: 302 });
    look();
    look();
    expect(events).toEqual([
      { what: "started", pid: 300 },
      { what: "ended", pid: 301 },
      { what: "started", pid: 302 },
    ]);
    await watch[Symbol.asyncDispose]();
    expect(system.openDescriptors).toEqual([]);
  });

  test("an error of the kernel's is one of ours, with its name", () => {
    kernel.socketListFails = "EPERM";
    expect(() => port.sockets()).toThrow(AwgError);
    expect(() => port.sockets()).toThrow("reading the tcp sockets failed: operation not permitted (EPERM)");
  });
});
