import { parseIp } from "../../model/ip.ts";
import { isNoiseTunnel } from "../config.ts";
import type { Tunnel } from "../section/tunnel.ts";
import type { NodePath } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

/** DNS has servers and a path, and the tunnels' own endpoints can be resolved. */
export function checkDns(context: CheckContext): void {
  const { dns } = context.config;
  if (dns !== undefined) {
    if (dns.via.kind === "block") {
      context.report(
        "dns-path",
        ["dns", "via"],
        "DNS is sent to a path that blocks everything",
        "use a tunnel, or direct",
      );
    }
    const hasServers = dns.servers.length > 0 || Object.keys(dns.split).length > 0;
    if (dns.leakProtection && !hasServers && context.isUntouched(["dns"])) {
      const message = "leakProtection allows DNS to the declared servers only, and none is declared";
      context.reportKey("dns-servers-missing", ["dns"], message, "add servers, or set leakProtection: false");
    }
  }
  checkBootstrap(context);
  checkMulticastNames(context);
}

/** Names of the local link (RFC 6762), which awg does not query. */
function isMulticastName(host: string): boolean {
  return /\.local\.?$/i.test(host);
}

function checkMulticastNames(context: CheckContext): void {
  for (const [name, tunnel] of Object.entries(context.config.tunnels)) {
    const named: readonly (readonly [path: NodePath, host: string | undefined])[] = isNoiseTunnel(tunnel)
      ? tunnel.peers.map(({ endpoint }, index) => [["peers", index, "endpoint"], endpoint?.host])
      : [[["server"], tunnel.server.host]];
    for (const [path, host] of named) {
      if (host === undefined || !isMulticastName(host)) continue;
      const message = `${host} is a name of mDNS, which awg does not query`;
      context.report("endpoint-mdns", ["tunnels", name, ...path], message, "use its address");
    }
  }
}

function checkBootstrap(context: CheckContext): void {
  const { config } = context;
  if (!config.killSwitch.enabled || (config.dns?.bootstrap.length ?? 0) > 0) return;
  for (const [name, tunnel] of Object.entries(config.tunnels)) {
    const path = namedEndpoint(["tunnels", name], tunnel);
    if (path === undefined) continue;
    const message = "the endpoint is a name, and with the kill switch on no server may be queried for it";
    context.report(
      "dns-bootstrap-missing",
      path,
      message,
      "add dns: { bootstrap: [9.9.9.9] } or another resolver you trust, or use an address",
    );
  }
}

/** The first endpoint that is a name of DNS. */
function namedEndpoint(path: NodePath, tunnel: Tunnel): NodePath | undefined {
  const isNamed = (host: string): boolean => parseIp(host) === undefined && !isMulticastName(host);
  if (!isNoiseTunnel(tunnel)) return isNamed(tunnel.server.host) ? [...path, "server"] : undefined;
  const index = tunnel.peers.findIndex(({ endpoint }) => endpoint !== undefined && isNamed(endpoint.host));
  return index < 0 ? undefined : [...path, "peers", index, "endpoint"];
}
