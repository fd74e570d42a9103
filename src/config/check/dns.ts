import { isMulticastName } from "../../model/dns/question.ts";
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

function checkMulticastNames(context: CheckContext): void {
  for (const { path, host } of Object.entries(context.config.tunnels).flatMap(endpointsOf)) {
    if (!isMulticastName(host)) continue;
    const message = `${host} is a name of mDNS, which awg does not query`;
    context.report("endpoint-mdns", path, message, "use its address");
  }
}

function checkBootstrap(context: CheckContext): void {
  const { config } = context;
  if (!config.killSwitch.enabled || (config.dns?.bootstrap.length ?? 0) > 0) return;
  for (const entry of Object.entries(config.tunnels)) {
    const named = endpointsOf(entry).find(({ host }) => parseIp(host) === undefined && !isMulticastName(host));
    if (named === undefined) continue;
    const message = "the endpoint is a name, and with the kill switch on no server may be queried for it";
    context.report(
      "dns-bootstrap-missing",
      named.path,
      message,
      "add dns: { bootstrap: [9.9.9.9] } or another resolver you trust, or use an address",
    );
  }
}

function endpointsOf([name, tunnel]: [string, Tunnel]): { readonly path: NodePath; readonly host: string }[] {
  const path = ["tunnels", name];
  if (!isNoiseTunnel(tunnel)) return [{ path: [...path, "server"], host: tunnel.server.host }];
  return tunnel.peers.flatMap(({ endpoint }, index) =>
    endpoint === undefined ? [] : [{ path: [...path, "peers", index, "endpoint"], host: endpoint.host }],
  );
}
