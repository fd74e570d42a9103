import { expect, test } from "vitest";
import { physicalDevices } from "../../../../src/host/linux/firewall/physical-devices.ts";
import type { Link } from "../../../../src/native/linux/rtnetlink/link.codec.ts";

function linkOf(index: number, name: string, changes: Partial<Link> = {}): Link {
  return {
    index,
    name,
    mtu: 1500,
    up: true,
    running: true,
    loopback: false,
    pointToPoint: false,
    multicast: true,
    hardwareType: 1,
    operState: "up",
    carrier: true,
    ...changes,
  };
}

test("S9.4: frames are judged on every device but loopback, tunnels, bridges and what leads to guests behind them", () => {
  const links = [
    linkOf(1, "lo", { loopback: true }),
    linkOf(2, "wlan0"),
    linkOf(3, "br0", { kind: "bridge" }),
    linkOf(4, "eth0", { masterIndex: 3 }),
    linkOf(5, "vnet0", { masterIndex: 3, kind: "tun" }),
    linkOf(6, "vethab", { masterIndex: 3, kind: "veth" }),
    linkOf(7, "uplink", { kind: "veth" }),
    linkOf(8, "awg-office", { kind: "tun" }),
    linkOf(9, "tun0", { kind: "tun" }),
    linkOf(10, "bond0", { kind: "bond" }),
    linkOf(11, "veth-bonded", { masterIndex: 10, kind: "veth" }),
  ];
  expect(physicalDevices(links, ["awg-office"])).toEqual(["bond0", "eth0", "tun0", "uplink", "veth-bonded", "wlan0"]);
});
