import type { RelayState } from "../../model/relay/proxy.ts";
import type { PolicyRule } from "../../model/resources/routes.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import type { KnownRoute } from "../../verify/routing/routing.ts";
import type { ExplainedSide } from "./explanation.ts";

/** A policy rule as `ip rule` shows it. */
export function policyRuleText({ preference, match, table, suppressPrefixLength }: PolicyRule): string {
  const { mark, source, destination, uids, protocol, ports, sourcePorts, local } = match;
  const range = ({ from, to }: { readonly from: number; readonly to: number }) =>
    from === to ? `${from}` : `${from}-${to}`;
  const parts = [
    `from ${source ?? "all"}`,
    ...(destination === undefined ? [] : [`to ${destination}`]),
    ...(local === true ? ["iif lo"] : []),
    ...(mark === undefined ? [] : [`fwmark 0x${mark.value.toString(16)}/0x${mark.mask.toString(16)}`]),
    ...(protocol === undefined ? [] : [`ipproto ${protocol}`]),
    ...(sourcePorts === undefined ? [] : [`sport ${range(sourcePorts)}`]),
    ...(ports === undefined ? [] : [`dport ${range(ports)}`]),
    ...(uids === undefined ? [] : [`uidrange ${uids.from}-${uids.to}`]),
    `lookup ${tableName(table)}`,
    ...(suppressPrefixLength === undefined ? [] : [`suppress_prefixlength ${suppressPrefixLength}`]),
  ];
  return `${preference}: ${parts.join(" ")}`;
}

/** A route as `ip route` shows it. */
export function routeText({ type, destination, device, table }: KnownRoute): string {
  const kind = type === "unicast" ? "" : `${type} `;
  return `${kind}${destination}${device === undefined ? "" : ` dev ${device}`} table ${tableName(table)}`;
}

/** A route with the words of macOS's `route get`. */
export function routeTextOfMac({ type, destination, device }: KnownRoute): string {
  const name = destination === "0.0.0.0/0" || destination === "::/0" ? "default" : destination;
  const kind = type === "unicast" ? "" : ` flags ${type}`;
  return `${name}${device === undefined ? "" : ` interface ${device}`}${kind}`;
}

/** State of a tunnel's engine. */
export function tunnelState(engine: TunnelObserved | undefined): string {
  if (engine === undefined || !engine.running) return engine?.silence?.text ?? "its engine does not run";
  const last = Math.max(0, ...engine.peers.map(({ lastHandshakeSeconds }) => lastHandshakeSeconds));
  return last === 0
    ? "no handshake yet"
    : `last handshake ${new Date(last * 1000).toISOString().replace(".000Z", "Z")}`;
}

/** State of a proxy's relay. */
export function proxyState(relay: RelayState | undefined): string {
  if (relay === undefined) return "its relay does not run";
  return relay.state === "up" ? "connected" : (relay.reason ?? "not tried yet");
}

function tableName(table: number): string {
  return { 253: "default", 254: "main", 255: "local" }[table] ?? `${table}`;
}

/** macOS has neither policy rules nor marks: routes lead by the destination alone, and PF refuses what goes astray. */
export function asOfMac({ policyRule: _rule, table: _table, verdictBy, ...side }: ExplainedSide): ExplainedSide {
  const isPf = (name: string) => name !== "no route" && side.device !== "(local)";
  return {
    ...side,
    mark: 0,
    verdictBy: verdictBy.map(({ name, verdict }) => ({
      name: isPf(name) ? `anchor com.awg: ${name}` : name,
      verdict,
    })),
  };
}
