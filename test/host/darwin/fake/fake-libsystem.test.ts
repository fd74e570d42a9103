import { describe, expect, test } from "vitest";
import { dumpRoutes } from "../../../../src/host/darwin/routes/route-socket.ts";
import { bytesOf, darwinOutputs } from "../../../support/facts.ts";
import { constant, ioctlNumber, StructView, sizeOf } from "./abi.ts";
import { ACCEPTED, ACCEPTED_PROGRAMS } from "./accepted.ts";
import { FakeLibSystem } from "./fake-libsystem.ts";
import { addressOf, type FakeRoute, macBook, prefixOf, ROUTE_FLAG } from "./machine.ts";
import { FakePrograms } from "./programs/fake-programs.ts";
import { routeMessage } from "./route/route-messages.ts";
import { ipSockaddr, linkSockaddr } from "./route/sockaddr.ts";

/** A routing message put together from the ABI table, as a program writes it. */
function message(type: string, flags: number, addresses: Record<string, Uint8Array>, index = 0): Uint8Array {
  const parts = Object.values(addresses);
  const bytes = new Uint8Array(sizeOf("rt_msghdr") + parts.reduce((sum, one) => sum + ((one.length + 3) & ~3), 0));
  const view = new StructView("rt_msghdr", bytes);
  view.set("rtm_msglen", bytes.length);
  view.set("rtm_version", constant("RTM_VERSION"));
  view.set("rtm_type", constant(type));
  view.set("rtm_flags", flags);
  view.set("rtm_index", index);
  view.set("rtm_seq", 9);
  view.set(
    "rtm_addrs",
    Object.keys(addresses).reduce((bits, name) => bits | constant(`RTA_${name}`), 0),
  );
  let at = sizeOf("rt_msghdr");
  for (const part of parts) {
    bytes.set(part, at);
    at += (part.length + 3) & ~3;
  }
  return bytes;
}

const sockaddr = (text: string) => ipSockaddr(addressOf(text));

function openRoute(lib: FakeLibSystem): number {
  const fd = lib.socket(constant("PF_ROUTE"), constant("SOCK_RAW"), 0).value;
  expect(lib.fcntl(fd, constant("F_SETFD"), constant("FD_CLOEXEC"))).toEqual({ value: 0, errno: 0 });
  return fd;
}

/** A utun made by the five steps of the notes; the answer is its descriptor and name. */
function openUtun(
  lib: FakeLibSystem,
  unit = 0,
): { readonly fd: number; readonly name: string; readonly errno: number } {
  const fd = lib.socket(constant("AF_SYSTEM"), constant("SOCK_DGRAM"), constant("SYSPROTO_CONTROL")).value;
  expect(lib.fcntl(fd, constant("F_SETFD"), constant("FD_CLOEXEC"))).toEqual({ value: 0, errno: 0 });
  const info = new Uint8Array(sizeOf("ctl_info"));
  new StructView("ctl_info", info).setText("ctl_name", "com.apple.net.utun_control");
  expect(lib.ioctl(fd, ioctlNumber("CTLIOCGINFO"), info)).toEqual({ value: 0, errno: 0 });
  const address = new Uint8Array(sizeOf("sockaddr_ctl"));
  const view = new StructView("sockaddr_ctl", address);
  view.set("sc_len", address.length);
  view.set("sc_family", constant("AF_SYSTEM"));
  view.set("ss_sysaddr", constant("AF_SYS_CONTROL"));
  view.set("sc_id", new StructView("ctl_info", info).get("ctl_id"));
  view.set("sc_unit", unit);
  const { errno } = lib.connect(fd, address);
  const buffer = new Uint8Array(16);
  const { length } = lib.getsockopt(fd, constant("SYSPROTO_CONTROL"), constant("UTUN_OPT_IFNAME"), buffer);
  return { fd, name: new TextDecoder().decode(buffer.subarray(0, Math.max(0, length - 1))), errno };
}

describe("the double of libSystem (by the ABI table)", () => {
  test("prints what it accepts, each call with its section of the notes", () => {
    const rows = Object.entries(ACCEPTED).map(([call, section]) => `${call}: ${section}`);
    console.log(`${rows.length} calls accepted\n${rows.join("\n")}`);
    const programs = Object.entries(ACCEPTED_PROGRAMS).map(([path, section]) => `${path}: ${section}`);
    console.log(`${programs.length} programs\n${programs.join("\n")}`);
    expect(new FakePrograms(macBook()).unnamed).toEqual([]);
    expect(rows.every((row) => /: (darwin-notes \d|pf-notes \d)/.test(row))).toBe(true);
  });

  test("writes the bytes of an address area", () => {
    const machine = macBook();
    const link = (prefix: string, interfaceIndex: number): FakeRoute => ({
      ...{ prefix: prefixOf(prefix), flags: ROUTE_FLAG.up, gateway: "link", interfaceIndex, scope: 0, mtu: 0 },
    });
    machine.interfaces.push({ name: "en9", index: 4, type: 6, flags: 0, mtu: 1500, addresses: [] });
    machine.interfaces.splice(
      0,
      machine.interfaces.length,
      ...machine.interfaces.filter(({ name }) => name !== "awdl0"),
    );
    machine.interfaces.push({ name: "utun4319", index: 33, type: 1, flags: 0, mtu: 1500, addresses: [] });
    const cases: Record<string, FakeRoute> = {
      "1-": link("192.0.2.0/24", 4),
      "3-": { ...link("2001:db8:1::/48", 33), gateway: addressOf("fe80::200:5eff:fe10:1") },
      "golang-net-1-": link("192.168.86.0/24", 4),
      "golang-net-3-": { ...link("fd84:1b4e:6281::/48", 33), gateway: addressOf("fe80::f22f:4bff:fe09:3bff") },
    };
    const outputs = darwinOutputs("raw-route-sockaddrs");
    expect(outputs.filter(({ origin }) => origin === "constructed")).toHaveLength(6);
    for (const output of outputs) {
      const route = Object.entries(cases).find(([beginning]) => output.name.startsWith(beginning))?.[1];
      if (route === undefined) continue;
      const header = { type: "RTM_GET", pid: 0, seq: 0, errno: 0, flags: route.flags, withInterface: false } as const;
      const area = Buffer.from(routeMessage(machine, route, header, true).subarray(sizeOf("rt_msghdr")));
      expect(area.toString("hex"), output.name).toBe(Buffer.from(bytesOf(output)).toString("hex"));
    }
  });

  test("a utun: chosen and next units, busy, its name, and gone with its descriptor", () => {
    const machine = macBook();
    const lib = new FakeLibSystem(machine);
    const first = openUtun(lib);
    expect(first).toMatchObject({ name: "utun1", errno: 0 });
    expect(openUtun(lib, 8)).toMatchObject({ name: "utun7" });
    expect(openUtun(lib, 8).errno).toBe(constant("EBUSY"));
    expect(openUtun(new FakeLibSystem(machine, { pid: 7, uid: 501 })).errno).toBe(constant("EPERM"));
    lib.close(first.fd);
    expect(machine.interfaceNamed("utun1")).toBeUndefined();
  });

  test("routes: added once, found, deleted once, each answered with its sequence", () => {
    const machine = macBook();
    const lib = new FakeLibSystem(machine);
    const fd = openRoute(lib);
    const half = { DST: sockaddr("0.0.0.0"), GATEWAY: sockaddr("192.168.1.1"), NETMASK: sockaddr("128.0.0.0") };
    const flags = ROUTE_FLAG.gateway | ROUTE_FLAG.static;
    const add = message("RTM_ADD", flags, half);
    expect(lib.write(fd, add)).toEqual({ value: add.length, errno: 0 });
    expect(lib.write(fd, add)).toEqual({ value: -1, errno: constant("EEXIST") });
    const buffer = new Uint8Array(2048);
    const heard = [0, 1].map(() => {
      lib.read(fd, buffer);
      const view = new StructView("rt_msghdr", buffer);
      return [view.get("rtm_pid"), view.get("rtm_seq"), view.get("rtm_errno")];
    });
    expect(heard).toEqual([
      [4242, 9, 0],
      [4242, 9, constant("EEXIST")],
    ]);
    expect(machine.lookUp(addressOf("9.9.9.9"))?.prefix.length).toBe(1);
    const { GATEWAY: _, ...key } = half;
    expect(lib.write(fd, message("RTM_DELETE", 0, key)).errno).toBe(0);
    expect(lib.write(fd, message("RTM_DELETE", 0, key)).errno).toBe(constant("ESRCH"));
  });

  test("refuses what the notes forbid, and knows the kernel's errors", () => {
    const machine = macBook();
    const lib = new FakeLibSystem(machine);
    const fd = openRoute(lib);
    const link = linkSockaddr({ index: machine.interfaceNamed("utun0")?.index ?? 0, type: 0, name: "" });
    const half = { DST: sockaddr("0.0.0.0"), GATEWAY: link, NETMASK: sockaddr("128.0.0.0") };
    expect(lib.write(fd, message("RTM_ADD", 0, half)).errno).toBe(constant("ENETUNREACH"));
    const wrong = message("RTM_ADD", 0, half);
    wrong[2] = 4;
    expect(lib.write(fd, wrong).errno).toBe(constant("EPROTONOSUPPORT"));
    expect(lib.write(fd, wrong.subarray(1)).errno).toBe(constant("EINVAL"));
    expect(() => lib.write(fd, message("RTM_ADD", 0, { ...half, NETMASK: Uint8Array.of(5, 2, 0, 0, 128) }))).toThrow(
      /sockaddr_in of 5 bytes/,
    );
    expect(() => lib.write(fd, message("RTM_ADD", constant("RTF_IFSCOPE"), half))).toThrow(/without index/);
    expect(() => lib.ioctl(fd, -1_067_419_133, new Uint8Array(100))).toThrow(/sign-extended/);
    expect(() => lib.sysctl([4, 17, 0, 0, 3, 0], undefined)).toThrow(/request 3/);
    const viewer = new FakeLibSystem(machine, { pid: 5, uid: 501 });
    const reader = openRoute(viewer);
    expect(viewer.write(reader, message("RTM_ADD", 0, half)).errno).toBe(constant("EPERM"));
    expect(viewer.write(reader, message("RTM_GET", 0, { DST: sockaddr("9.9.9.9") })).errno).toBe(0);
  });

  test("a table that grows after its size was read is read again", () => {
    const machine = macBook();
    const lib = new FakeLibSystem(machine);
    const [first] = machine.routes;
    machine.afterEstimate = () => {
      for (let at = 0; at < 10; at += 1) {
        machine.routes.push({ ...(first as FakeRoute), prefix: prefixOf(`203.0.${at}.0/24`) });
      }
    };
    const before = machine.routes.length;
    expect(dumpRoutes(lib)).toHaveLength(before + 10);
    expect(lib.log.counts.get("sysctl NET_RT_DUMP")).toBeGreaterThan(2);
  });

  test("a full receive buffer loses messages without a word", () => {
    const machine = macBook();
    const lib = new FakeLibSystem(machine);
    const fd = openRoute(lib);
    lib.fcntl(fd, constant("F_SETFL"), constant("O_NONBLOCK"));
    for (let count = 0; count < 200; count += 1) machine.tell({ kind: "interface", interfaceIndex: 1 });
    let heard = 0;
    while (lib.read(fd, new Uint8Array(2048)).value > 0) heard += 1;
    expect(heard).toBe(Math.floor(8192 / sizeOf("if_msghdr")));
  });
});
