import { expect, test } from "vitest";
import { pathMtus } from "../../../../src/host/linux/facts/path-mtu.ts";
import type { Link } from "../../../../src/native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../../../src/native/linux/rtnetlink/route.codec.ts";

const link = (index: number, mtu: number) => ({ index, mtu, name: `eth${index}` }) as Link;
const route = (destination: string, oif: number, more: Partial<Route> = {}): Route => ({
  family: destination.includes(":") ? 6 : 4,
  ...{ destination, table: 254, type: "unicast", protocol: 3, priority: 0, oif },
  ...more,
});
const LINKS = [link(1, 1500), link(2, 9000), link(3, 1400)];

test.each<[string, Route[], string, number | undefined]>([
  ["the device's", [route("0.0.0.0/0", 1)], "192.0.2.1", 1500],
  ["of the longest prefix", [route("0.0.0.0/0", 1), route("192.0.2.0/24", 2)], "192.0.2.1", 9000],
  [
    "of the lowest metric",
    [route("0.0.0.0/0", 1, { priority: 20 }), route("0.0.0.0/0", 3, { priority: 10 })],
    "192.0.2.1",
    1400,
  ],
  ["the route's own", [route("0.0.0.0/0", 1, { mtu: 1280 })], "192.0.2.1", 1280],
  ["never more than the device's", [route("0.0.0.0/0", 1, { mtu: 9000 })], "192.0.2.1", 1500],
  [
    "the least of several next hops",
    [route("0.0.0.0/0", 0, { nextHops: [{ oif: 1 }, { oif: 3 }] as never })],
    "192.0.2.1",
    1400,
  ],
  ["of the address's family", [route("0.0.0.0/0", 1), route("::/0", 3)], "2001:db8::1", 1400],
  ["unknown over a device of ours", [route("0.0.0.0/0", 9)], "192.0.2.1", undefined],
  ["unknown by a route that leads nowhere", [route("0.0.0.0/0", 1, { type: "unreachable" })], "192.0.2.1", undefined],
  ["unknown without a route", [route("198.51.100.0/24", 1)], "192.0.2.1", undefined],
])("the MTU of a way is %s", (_what, routes, address, mtuBytes) => {
  expect(pathMtus([address], routes, LINKS)).toEqual(mtuBytes === undefined ? {} : { [address]: mtuBytes });
});
