import { unresolvedRemedy } from "../../model/dns/question.ts";
import type { NoNetwork } from "../status/no-network.ts";
import type { ResourceStatus } from "../status/status-report.ts";
import { hasAnswered, tunnelState } from "../status/tunnel-state.ts";
import type { Finding } from "./finding.ts";

/**
 * Tunnels that send and get no answer. Without a network below them that is the cause and the only finding: no key can
 * be at fault. A tunnel that has sent nothing is not judged. Pure.
 *
 * @param nowMs milliseconds since the epoch
 */
export function judgeTunnels(
  resources: readonly ResourceStatus[],
  noNetwork: NoNetwork | undefined,
  nowMs: number,
): readonly Finding[] {
  if (noNetwork !== undefined) return [noNetworkFinding(noNetwork)];
  return [
    ...resources.flatMap(unresolvedFindings),
    ...resources
      .filter(({ tunnel }) => tunnel !== undefined && tunnelState(tunnel, nowMs, false) === "blocked")
      .map((one) => silentFinding(one, silentEndpoints(one, nowMs))),
  ];
}

function unresolvedFindings({ key, tunnel }: ResourceStatus): readonly Finding[] {
  return (tunnel?.peers ?? []).flatMap(({ unresolved }) =>
    unresolved === undefined ? [] : [unresolvedFinding(key, unresolved)],
  );
}

function unresolvedFinding(key: string, name: string): Finding {
  return {
    id: "name-unresolved",
    severity: "fault",
    what: `${key} is down: ${name} does not resolve`,
    evidence: ["its peer had no endpoint at the last apply"],
    remedy: [`${unresolvedRemedy(name)}; then run awg apply`, "the daemon repeats the lookup by itself"],
  };
}

function silentEndpoints({ tunnel }: ResourceStatus, nowMs: number): readonly string[] {
  const silent = (tunnel?.peers ?? []).filter((peer) => !hasAnswered(peer, nowMs));
  return silent.flatMap(({ endpoint }) => endpoint ?? []);
}

function noNetworkFinding({ what, endpoint, down }: NoNetwork): Finding {
  const isUp = down.length === 0;
  return {
    id: "no-network",
    severity: "fault",
    what,
    evidence: [`no route leads to the endpoint ${endpoint}`],
    remedy: isUp ? ["connect to a network, or add a default route"] : down.map((name) => `ip link set ${name} up`),
  };
}

function silentFinding({ key, summary }: ResourceStatus, endpoints: readonly string[]): Finding {
  const from = endpoints.length === 0 ? "any peer" : endpoints.join(", ");
  return {
    id: "tunnel-silent",
    severity: "fault",
    what: `${key} does not work: no answer from ${from}`,
    evidence: [summary],
    remedy: [
      "check the endpoint, its port and the peer's public key in the config",
      "check that the peer has this host's public key",
      "check the clock: a peer refuses handshakes that are older than the last it saw",
      "run awg verify: another program's rules may drop the tunnel's packets",
    ],
  };
}
