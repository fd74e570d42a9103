// Runs inside a namespace of its own: builds a small network by rtnetlink alone and prints what it reads back.

import { messageOf } from "../../../../src/model/error.ts";
import type { Route } from "../../../../src/native/linux/rtnetlink/route.codec.ts";
import { openRouteNetlink } from "../../../../src/native/linux/rtnetlink/route-netlink.ffi.ts";

const TABLE = 51820;
const OURS = 158;
const errors: string[] = [];

function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    errors.push(messageOf(error));
  }
}

using net = openRouteNetlink();
net.createLink({ name: "left", kind: "veth", peerName: "right", mtu: 1400, alias: "made by a test" });
net.createLink({ name: "stub", kind: "veth", peerName: "stub-end" });
const left = net.link("left")?.index ?? 0;
const right = net.link("right")?.index ?? 0;
const stub = net.link("stub")?.index ?? 0;
const stubEnd = net.link("stub-end")?.index ?? 0;
for (const index of [left, right, stub, stubEnd]) net.changeLink(index, { up: true });
net.changeLink(stub, { mtu: 1280, alias: "renamed" });

net.addAddress({ family: 4, linkIndex: left, address: "10.7.0.1/24", scope: 0, flags: 0, protocol: 97 });
net.addAddress({ family: 6, linkIndex: left, address: "fd07::1/64", scope: 0, flags: 2, protocol: 97 });
const stray = { family: 4, linkIndex: left, address: "10.7.9.9/32", scope: 0, flags: 0, protocol: 0 } as const;
net.addAddress(stray);
net.deleteAddress(stray);

const base = { table: TABLE, protocol: OURS, priority: 0 } as const;
const nowhere = { ...base, type: "unreachable", priority: 99 } as const;
const routes: Route[] = [
  { ...nowhere, family: 4, destination: "0.0.0.0/0" },
  { ...nowhere, family: 6, destination: "::/0" },
  { ...base, family: 4, destination: "10.8.0.0/16", type: "unicast", oif: stub, mtu: 1300 },
  { ...base, family: 4, destination: "10.9.0.0/16", type: "unicast", oif: left, gateway: "10.7.0.2" },
  { ...base, family: 6, destination: "fd09::/48", type: "unicast", oif: left, gateway: "fd07::2" },
  { ...base, family: 4, destination: "10.10.0.0/16", type: "unicast", oif: left, gateway: "fd07::2" },
  { ...base, family: 4, destination: "10.11.0.0/16", type: "throw" },
  { ...base, family: 4, destination: "10.12.0.0/16", type: "blackhole" },
  {
    ...base,
    family: 4,
    destination: "10.13.0.0/16",
    type: "unicast",
    nextHops: [
      { oif: left, gateway: "10.7.0.2", weight: 1 },
      { oif: stub, weight: 7 },
    ],
  },
  {
    ...base,
    family: 4,
    destination: "10.14.0.0/16",
    type: "unicast",
    oif: stub,
    preferredSource: "10.7.0.1",
    priority: 7,
  },
];
const written = net.changeRoutes(routes.map((route) => ({ verb: "create", route })));
for (const error of written) if (error !== undefined) errors.push(messageOf(error));

net.addRule({
  family: 4,
  priority: 100,
  action: "table",
  table: TABLE,
  mark: 0x51,
  mask: 0xff,
  protocol: OURS,
  not: true,
});
net.addRule({
  family: 6,
  priority: 100,
  action: "table",
  table: TABLE,
  iif: "left",
  source: "fd07::/64",
  protocol: OURS,
});
net.addRule({ family: 4, priority: 99, action: "table", table: 254, suppressPrefixLength: 0, protocol: OURS });
net.addRule({
  family: 4,
  priority: 98,
  action: "table",
  table: TABLE,
  uids: { from: 1000, to: 1001 },
  ipProtocol: 17,
  destinationPorts: { from: 53, to: 53 },
  protocol: OURS,
});
net.addRule({ family: 4, priority: 97, action: "prohibit", oif: "stub", protocol: OURS });
net.addRule({ family: 4, priority: 96, action: "prohibit", uids: { from: 2000, to: 2000 }, protocol: OURS });
const passing = { family: 4, priority: 90, action: "table", table: 77, protocol: OURS } as const;
net.addRule(passing);
net.deleteRule(passing);

attempt(() => net.addRule({ family: 4, priority: 97, action: "prohibit", oif: "stub", protocol: OURS }));
attempt(() => net.addAddress({ ...stray, linkIndex: 4711 }));
attempt(() => net.createLink({ name: "stub", kind: "veth" }));
attempt(() => net.createLink({ name: "strange", kind: "no-such-kind" }));

process.stdout.write(
  JSON.stringify({
    links: net.links(),
    addresses: net.addresses(left),
    routes: net.routes({ table: TABLE }),
    emptyTable: net.routes({ table: 4242 }),
    byGoneDevice: net.routes({ oif: 4711 }),
    byProtocol: net.routes({ protocol: OURS, family: 4 }).length,
    rules: net.rules(),
    byMark: net.decideRoute({ destination: "10.8.1.1", mark: 1 }),
    byUid: net.decideRoute({ destination: "10.8.1.1", mark: 0x51, uid: 1000 }),
    lan: net.decideRoute({ destination: "10.7.0.9" }),
    lan6: net.decideRoute({ destination: "fd07::9", mark: 1, uid: 1000 }),
    prohibited: net.decideRoute({ destination: "10.8.1.1", uid: 2000 }),
    missing: net.link("nobody") ?? null,
    errors,
  }),
);
