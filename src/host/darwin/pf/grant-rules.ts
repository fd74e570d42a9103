import { DNS_PORT } from "../../../model/firewall/flow-path.ts";
import { PROTOCOL } from "../../../model/firewall/packet.ts";
import { type AllowGrant, engineUids, type PolicyLayer } from "../../../model/firewall/policy.ts";
import { portProtocols } from "./flow-match.ts";
import type { PfRule } from "./pf-rule.ts";

const DNS_PROTOCOLS = [PROTOCOL.udp, PROTOCOL.tcp];

interface Exchange extends Pick<PfRule, "from" | "to"> {
  readonly protocols: readonly number[];
}

/** Rules for physical devices only; no grant holds on a tunnel. */
export interface OwnSocketRules {
  readonly leaving: readonly PfRule[];
  readonly entering: readonly PfRule[];
}

/**
 * Rules S3.1 to S3.3 in both directions, without states. PF knows no marks: awg's sockets are known by their user alone
 * (S13.1), which is the service user or that of an adopted engine.
 */
export function ownSocketRules(layer: PolicyLayer): OwnSocketRules {
  const engines = engineUids(layer).map((uid) => ({ from: uid, to: uid }));
  const leaving: PfRule[] = [];
  const entering: PfRule[] = [];
  const both = ({ protocols, from, to }: Exchange, why: string, users = engines): void => {
    leaving.push({ action: "pass", direction: "out", protocols, ...sides(from, to), users, state: "none", why });
    entering.push({ action: "pass", direction: "in", protocols, ...sides(to, from), state: "none", why });
  };
  for (const { address, port, protocol } of layer.endpoints) {
    const to = { addresses: [address], ...(port === undefined ? {} : { ports: [{ from: port, to: port }] }) };
    both({ protocols: [protocol], to }, "S3.1 endpoint of a tunnel");
  }
  for (const { port } of layer.listens) {
    both({ protocols: [PROTOCOL.udp], from: { ports: [{ from: port, to: port }] } }, "S3.2 listening tunnel");
  }
  if (layer.bootstrapDns.length > 0) {
    const to = { addresses: layer.bootstrapDns, ports: [{ from: DNS_PORT, to: DNS_PORT }] };
    both({ protocols: DNS_PROTOCOLS, to }, "S3.3 bootstrap DNS", engines.slice(0, 1));
  }
  return { leaving, entering: layer.killSwitch ? entering : [] };
}

/** S3.4: incoming flows. The state that the first packet opens lets the answers out. */
export function incomingExceptionRules(allow: readonly AllowGrant[]): PfRule[] {
  return allow
    .filter(({ direction }) => direction === "in")
    .flatMap((grant) =>
      portProtocols(grant).map(
        (protocols): PfRule => ({
          action: "pass",
          direction: "in",
          ...(protocols === undefined ? {} : { protocols }),
          ...sides(
            grant.prefixes === undefined ? undefined : { addresses: grant.prefixes },
            grant.ports === undefined ? undefined : { ports: grant.ports },
          ),
          state: "opening",
          why: "S3.4 stated exception",
        }),
      ),
    );
}

/** The sides of a rule, without empty ones. */
export function sides(from: PfRule["from"], to: PfRule["to"]): Pick<PfRule, "from" | "to"> {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}
