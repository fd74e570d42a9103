import { Socket } from "node:net";
import { RECORD } from "../../model/dns/question.ts";
import type { EngineUser } from "../../model/keeper-protocol.ts";
import { ENGINE_MARK } from "../../model/ownership.ts";
import { PROBE_PORT } from "../../model/portal/portal.ts";
import { MOST_ANSWER_BYTES, type PortalAnswer, readPortalAnswer } from "../../model/portal/portal-answer.ts";
import { openUnboundSocket } from "../../native/linux/packet-io/unbound-socket.ffi.ts";
import { openRouteNetlink } from "../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { ROUTE_TABLE } from "../../native/linux/rtnetlink/rtnetlink-constants.ts";
import type { LoginNetwork, PortalPort } from "../ports/portal.ts";
import { queryServers } from "./facts/bootstrap-query.ts";
import { uplinksOf } from "./facts/facts.ts";
import { tunnelOfLink } from "./links.ts";
import { readServiceUser } from "./service-user.ts";

const ANSWER_MS = 3_000;

/** Login pages of a Linux host. The sockets have the service user and the engine mark, which the filter lets out (S3.5). */
export function linuxPortal(): PortalPort {
  return {
    readNetwork: async () => readNetwork(),
    probe: (address, device) => probe(address, device, readServiceUser()),
    resolve: (name, servers) => queryServers(name, RECORD.a, { servers, user: readServiceUser() }),
  };
}

function readNetwork(): LoginNetwork | undefined {
  using netlink = openRouteNetlink();
  const links = netlink.links().filter((link) => tunnelOfLink(link) === undefined && !link.loopback);
  const uplinks = uplinksOf(netlink.routes({ table: ROUTE_TABLE.main }), links);
  const first = uplinks.find(({ gateway }) => gateway !== undefined);
  if (first?.gateway === undefined) return undefined;
  const { device, gateway } = first;
  const index = links.find(({ name }) => name === device)?.index;
  return { device, gateway, addresses: netlink.addresses(index).map(({ address }) => address) };
}

/** By hand, and no more than its beginning is read: what answers is any stranger. */
async function probe(address: string, device: string, user: EngineUser): Promise<PortalAnswer | undefined> {
  const isIpv6 = address.includes(":");
  const options = { family: isIpv6 ? 6 : 4, stream: true, mark: ENGINE_MARK, user, device } as const;
  const socket = new Socket({ fd: openUnboundSocket(options), readable: true, writable: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ANSWER_MS);
  let received = new Uint8Array(0);
  socket.on("error", () => resolve());
  socket.on("end", () => resolve());
  socket.on("data", (chunk: Uint8Array) => {
    received = Buffer.concat([received, chunk]);
    if (received.length >= MOST_ANSWER_BYTES) resolve();
  });
  socket.connect(PROBE_PORT, address, () => {
    const host = isIpv6 ? `[${address}]` : address;
    const lines = ["GET / HTTP/1.1", `Host: ${host}`, "User-Agent: awg", "Accept: */*", "Connection: close"];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  });
  await promise;
  clearTimeout(timer);
  socket.destroy();
  return readPortalAnswer(received, address);
}
