import { parseIp } from "../../model/ip.ts";
import { isNoiseTunnel } from "../config.ts";
import type { Tunnel } from "../section/tunnel.ts";
import type { NodePath } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

/** Names can be resolved: DNS has servers and a path, and the tunnels' own endpoints can be asked for. */
export function checkDns(context: CheckContext): void {
  const { dns } = context.config;
  if (dns !== undefined) {
    if (dns.via.kind === "block") {
      context.report("dns-path", ["dns", "via"], "DNS is sent where nothing passes", "name a tunnel, or direct");
    }
    const hasServers = dns.servers.length > 0 || Object.keys(dns.split).length > 0;
    if (dns.leakProtection && !hasServers && context.isUntouched(["dns"])) {
      const message = "DNS may only go to the declared servers, and none is declared";
      context.reportKey("dns-servers-missing", ["dns"], message, "add servers, or write leakProtection: false");
    }
  }
  checkBootstrap(context);
}

function checkBootstrap(context: CheckContext): void {
  const { config } = context;
  if (!config.killSwitch.enabled || (config.dns?.bootstrap.length ?? 0) > 0) return;
  for (const [name, tunnel] of Object.entries(config.tunnels)) {
    const path = namedEndpoint(["tunnels", name], tunnel);
    if (path === undefined) continue;
    const message = "the endpoint is a name, and with the kill switch on nobody may be asked for it";
    context.report("dns-bootstrap-missing", path, message, "add dns: { bootstrap: [192.0.2.53] }, or write an address");
  }
}

function namedEndpoint(path: NodePath, tunnel: Tunnel): NodePath | undefined {
  if (!isNoiseTunnel(tunnel)) return parseIp(tunnel.server.host) === undefined ? [...path, "server"] : undefined;
  const index = tunnel.peers.findIndex(
    ({ endpoint }) => endpoint !== undefined && parseIp(endpoint.host) === undefined,
  );
  return index < 0 ? undefined : [...path, "peers", index, "endpoint"];
}
