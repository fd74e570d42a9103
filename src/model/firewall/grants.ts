import { type IpAddress, renderIp } from "../ip.ts";
import { ENGINE_MARK } from "../ownership.ts";
import { AddressSet, readAddress } from "./address-set.ts";
import { compileAllow, DNS_PORT } from "./flow-path.ts";
import { ownMark, type Packet, PROTOCOL } from "./packet.ts";
import { type EndpointGrant, engineUids, type PolicyLayer, relayEndpoints } from "./policy.ts";

/** The grant of a relay, which steering marks. */
export const RELAY_GRANT = "S3.5 relay to its proxy";

/** The exceptions of one layer on physical devices (chapter S3); each returns its rule. */
export interface Grants {
  /** S3.1–S3.3: awg's sockets to endpoints, from listening ports, to bootstrap DNS. */
  ownOut(packet: Packet): string | undefined;
  /** S3.1–S3.3: packets from there to awg's sockets. */
  ownIn(packet: Packet): string | undefined;
  /** S3.4: `killSwitch.allow` with direction `in`. */
  allowIn(packet: Packet): boolean;
  /** S3.4: an answer in a flow that such an exception let in. */
  allowInAnswer(packet: Packet): boolean;
}

/** Compiles the exceptions of a layer. */
export function compileGrants(layer: PolicyLayer): Grants {
  const keyOf = ({ address, protocol, port }: EndpointGrant) => endpointKey(readAddress(address), protocol, port);
  const endpoints = new Set(layer.endpoints.map(keyOf));
  const proxies = new Set(relayEndpoints(layer).map(keyOf));
  const listens = new Set(layer.listens.map((listen) => listen.port));
  const bootstrap = new AddressSet(layer.bootstrapDns);
  const engines = engineUids(layer);
  const incoming = layer.allow.filter((grant) => grant.direction === "in").map(compileAllow);
  const isBootstrap = (packet: Packet, server: IpAddress, port: number | undefined) =>
    port === DNS_PORT &&
    (packet.protocol === PROTOCOL.udp || packet.protocol === PROTOCOL.tcp) &&
    bootstrap.has(server);
  const isAmong = (some: ReadonlySet<string>, packet: Packet, at: IpAddress, port: number | undefined) =>
    port !== undefined && [port, undefined].some((one) => some.has(endpointKey(at, packet.protocol, one)));
  const isEndpoint = (packet: Packet, at: IpAddress, port: number | undefined) => isAmong(endpoints, packet, at, port);
  const isListen = (packet: Packet, port: number | undefined) =>
    packet.protocol === PROTOCOL.udp && port !== undefined && listens.has(port);
  return {
    ownOut: (packet) => {
      if (packet.uid === undefined || !engines.includes(packet.uid)) return undefined;
      const isService = packet.uid === layer.serviceUid;
      if (isService && isBootstrap(packet, packet.destination, packet.destinationPort)) return "S3.3 bootstrap DNS";
      if (isService && isAmong(proxies, packet, packet.destination, packet.destinationPort)) return RELAY_GRANT;
      if (ownMark(packet) !== ENGINE_MARK) return undefined;
      if (isEndpoint(packet, packet.destination, packet.destinationPort)) return "S3.1 endpoint of a tunnel";
      return isListen(packet, packet.sourcePort) ? "S3.2 listening tunnel" : undefined;
    },
    ownIn: (packet) => {
      if (isEndpoint(packet, packet.source, packet.sourcePort)) return "S3.1 endpoint of a tunnel";
      if (isListen(packet, packet.destinationPort)) return "S3.2 listening tunnel";
      return isBootstrap(packet, packet.source, packet.sourcePort) ? "S3.3 bootstrap DNS" : undefined;
    },
    allowIn: (packet) => incoming.some((holds) => holds(packet.source, packet.protocol, packet.destinationPort)),
    allowInAnswer: (packet) =>
      packet.reply === true &&
      packet.stranger !== true &&
      incoming.some((holds) => holds(packet.destination, packet.protocol, packet.sourcePort)),
  };
}

function endpointKey(address: IpAddress, protocol: number, port: number | undefined): string {
  return `${renderIp(address)} ${protocol} ${port ?? "any"}`;
}
