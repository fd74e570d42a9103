import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { NetlinkWriters, type NetlinkWritersDeps } from "../../../../src/host/linux/processes/netlink-writers.ts";
import { ProcFolder } from "../../../../src/host/linux/processes/proc-folder.ts";
import { netlinkInode, parseUnit } from "../../../../src/host/linux/processes/proc-text.ts";
import { SocketHolders } from "../../../../src/host/linux/processes/socket-holders.ts";
import { temporaryFolder } from "../../../support/folder.ts";

const ROUTE = 0;

/** As Linux 6.18 prints it. */
const HEAD = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n";
const row = (protocol: number, port: number, inode: number): string =>
  `00000000bd8760a7 ${String(protocol).padEnd(3)} ${String(port).padEnd(10)} 00000000 0        0        0     2        0        ${inode} \n`;

describe("texts that name the writer", () => {
  test("a socket's inode is that of its protocol and port id, whole numbers each", () => {
    const table = HEAD + row(0, 0, 1) + row(12, 77, 2) + row(0, 77, 3) + row(0, 4_161_183_744, 4);
    expect([12, 0].map((protocol) => netlinkInode(table, protocol, 77))).toEqual([2, 3]);
    expect(netlinkInode(table, ROUTE, 4_161_183_744)).toBe(4);
    expect(netlinkInode(table, ROUTE, 7)).toBeUndefined();
    expect(netlinkInode("", ROUTE, 0)).toBeUndefined();
  });

  test.each([
    ["/system.slice/NetworkManager.service", "NetworkManager.service"],
    ["/system.slice/docker.service/worker", "docker.service"],
    ["/user.slice/user-1000.slice/user@1000.service/app.slice/vpn.service", "vpn.service"],
    ["/user.slice/user-1000.slice/user@1000.service/app.slice/app-shell-1.scope", undefined],
    ["/user.slice/user-1000.slice/session-3.scope", undefined],
    ["/", undefined],
    [null, undefined],
  ])("the service of %j is %s", (cgroup, unit) => {
    expect(parseUnit(cgroup)).toBe(unit);
  });
});

describe.skipIf(process.platform !== "linux")("who writes by a netlink socket", () => {
  let root = "";
  let nowMs = 0;
  let writers: NetlinkWriters;

  beforeEach(() => {
    nowMs = 0;
    root = temporaryFolder("writers");
    mkdirSync(join(root, "net"));
    writers = new NetlinkWriters(
      ROUTE,
      holding(() => nowMs),
    );
  });

  function holding(now: () => number): NetlinkWritersDeps {
    const proc = new ProcFolder(root);
    return { proc, holders: new SocketHolders(proc), nowMs: now };
  }

  function table(...rows: readonly string[]): void {
    writeFileSync(join(root, "net/netlink"), HEAD + rows.join(""));
  }

  function start(pid: number, name: string, inodes: readonly number[], parent = 1, cgroup = "/"): void {
    const folder = join(root, String(pid));
    mkdirSync(join(folder, "fd"), { recursive: true });
    writeFileSync(join(folder, "stat"), `${pid} (${name}) S ${parent} 5 6 0 -1 0 ${"7 ".repeat(12)}4711 8 9\n`);
    writeFileSync(join(folder, "cgroup"), `0::${cgroup}\n`);
    for (const [at, inode] of inodes.entries()) symlinkSync(`socket:[${inode}]`, join(folder, "fd", String(at)));
  }

  test("is the process with its port id as pid, if it has that socket open, with its parent or service", () => {
    table(row(ROUTE, 70, 900), row(ROUTE, 80, 901));
    start(60, "sh", []);
    start(70, "ip", [3, 900], 60);
    start(80, "ip", [901], 60, "/system.slice/NetworkManager.service");
    expect(writers.writerOf(70)).toEqual({ pid: 70, program: "ip", parent: { pid: 60, program: "sh" } });
    expect(writers.writerOf(80)).toEqual({ pid: 80, program: "ip", unit: "NetworkManager.service" });
  });

  test("is known by its script where the kernel names it by what Node calls each process, while it is there", () => {
    start(70, "MainThread", []);
    symlinkSync("/usr/bin/node", join(root, "70", "exe"));
    writeFileSync(join(root, "70", "cmdline"), "node\0/srv/rival.mjs\0--token\0s3cret\0");
    expect(writers.known({ pid: 70, program: "MainThread" })).toEqual({ pid: 70, program: "node rival.mjs" });
    expect(writers.known({ pid: 70, program: "nft" })).toEqual({ pid: 70, program: "nft" });
    expect(writers.known({ pid: 71, program: "MainThread" })).toEqual({ pid: 71, program: "MainThread" });
    for (let n = 0; n < 20; n += 1) writers.known({ pid: 71, program: "nft" });
    expect(writers.known({ pid: 70, program: "MainThread" })).toEqual({ pid: 70, program: "MainThread" });
  });

  test("is the holder of the socket, if its port id is no pid, or another process's or namespace's", () => {
    table(row(ROUTE, 4_161_183_744, 900), row(ROUTE, 70, 901));
    start(70, "innocent", [5]);
    start(90, "second", [900, 901]);
    for (const port of [4_161_183_744, 70]) expect(writers.writerOf(port)).toEqual({ pid: 90, program: "second" });
  });

  test("is whom process 1 made the socket for, as systemd does for networkd, where one process has it besides", () => {
    table(row(ROUTE, 1, 900), row(12, 1, 901));
    start(1, "systemd", [900, 901], 0);
    expect(writers.writerOf(1)).toEqual({ pid: 1, program: "systemd" });
    start(70, "systemd-network", [900], 1, "/system.slice/systemd-networkd.service");
    expect(writers.writerOf(1)).toEqual({ pid: 70, program: "systemd-network", unit: "systemd-networkd.service" });
    start(80, "another", [900]);
    nowMs = 1_000;
    const afresh = new NetlinkWriters(
      ROUTE,
      holding(() => nowMs),
    );
    expect(afresh.writerOf(1)).toEqual({ port: 1, unnamed: "shared" });
  });

  test("is unnamed: gone although its pid is in use, not visible, or one of several", () => {
    table(row(12, 70, 900), row(ROUTE, 71, 901), row(ROUTE, 72, 902));
    for (const pid of [70, 71, 72]) start(pid, "innocent", [900 + pid]);
    start(90, "one", [902]);
    start(91, "two", [902]);
    expect(writers.writerOf(70)).toEqual({ port: 70, unnamed: "closed" });
    expect(writers.writerOf(71)).toEqual({ port: 71, unnamed: "unseen" });
    expect(writers.writerOf(72)).toEqual({ port: 72, unnamed: "shared" });
  });

  test("is not said where the kernel does not let itself be asked", () => {
    start(70, "ip", [900]);
    expect(writers.writerOf(70)).toBeUndefined();
  });

  test("is looked for 20 times a second, and in all processes twice", () => {
    table(row(ROUTE, 70, 900), ...[71, 72, 73].map((port) => row(ROUTE, port, 900 + port)));
    start(70, "ip", [900]);
    start(90, "second", [971, 972, 973]);
    const named = (...ports: readonly number[]) => ports.filter((port) => writers.writerOf(port) !== undefined);
    const often = (port: number) => new Array<number>(30).fill(port);
    expect(named(...often(70))).toHaveLength(20);
    nowMs = 1_000;
    expect(named(71, 72, 73)).toEqual([71, 72]);
    nowMs = 2_000;
    // Who was found last is not searched for again.
    expect(named(...often(72))).toHaveLength(20);
  });
});
