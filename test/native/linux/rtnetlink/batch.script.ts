// Runs inside a namespace of its own: 10,000 routes at once, some of them wrong; then events until some are lost.

import { openRouteNetlink, type RouteChange } from "../../../../src/native/linux/rtnetlink/route-netlink.ffi.ts";
import { ROUTE_GROUP } from "../../../../src/native/linux/rtnetlink/rtnetlink-constants.ts";

const COUNT = 10_000;
const TABLE = 51820;

using net = openRouteNetlink();
using listener = openRouteNetlink();
net.createLink({ name: "stub", kind: "veth", peerName: "stub-end", up: true });
const oif = net.link("stub")?.index ?? 0;
const base = { family: 4, table: TABLE, protocol: 158, priority: 0, type: "unicast" } as const;
const wrong = new Set([0, 777, 5000, COUNT - 1]);

function changes(verb: RouteChange["verb"], broken: ReadonlySet<number>): RouteChange[] {
  return Array.from({ length: COUNT }, (_unused, n) => ({
    verb,
    route: { ...base, destination: `11.${n >> 8}.${n & 255}.0/24`, oif: broken.has(n) ? 4711 : oif },
  }));
}

function refused(results: readonly (Error | undefined)[]): [number, string][] {
  return results.flatMap((error, n) => (error === undefined ? [] : [[n, error.message] as [number, string]]));
}

const created = refused(net.changeRoutes(changes("create", wrong)));
const afterCreate = net.routes({ table: TABLE }).length;
const again = refused(net.changeRoutes(changes("create", new Set()))).length;
const replaced = refused(net.changeRoutes(changes("replace", new Set()))).length;
listener.socket.subscribe([ROUTE_GROUP.route4, ROUTE_GROUP.link]);
net.changeRoutes(changes("delete", new Set()).slice(0, 3));
const few = listener.socket.drain();
const quiet = listener.socket.drain();
for (let round = 0; round < 4; round++) net.changeRoutes(changes(round % 2 === 0 ? "replace" : "delete", new Set()));
const { overrun } = listener.socket.drain();
const afterOverrun = listener.socket.drain().overrun;
net.changeRoutes(changes("delete", new Set()));
listener.socket.drain();
const silent = await listener.socket.waitReadable(1);
net.changeLink(oif, { mtu: 1300 });
const woken = await listener.socket.waitReadable(30_000);

process.stdout.write(
  JSON.stringify({
    created,
    afterCreate,
    again,
    replaced,
    few: few.messages.length,
    fewOverrun: few.overrun,
    quiet: quiet.messages.length,
    overrun,
    afterOverrun,
    afterDelete: net.routes({ table: TABLE }).length,
    silent,
    woken,
  }),
);
