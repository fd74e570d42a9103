import { addressBits, renderIp } from "../../model/ip.ts";
import { type Plan, stepsOf } from "../../model/plan.ts";
import { parsePrefix, prefixContains } from "../../model/prefix.ts";
import type { LinkSpec } from "../../model/resources/link.ts";
import type { TunnelSpec } from "../../model/resources/tunnel.ts";
import type { HostParts } from "../parts.ts";
import type { Planned } from "../plan/planned.ts";
import type { CarriedConnection } from "./ssh-connection.ts";

/** Why a plan would cut the SSH connection of this process. */
export interface SshRisk {
  readonly why: string;
  readonly remedy: string;
}

const ELSEWHERE = "connect to another address of this host, or give --accept-risk lose-ssh";
const LET_IN = "let it in by killSwitch.allow, or give --accept-risk lose-ssh";

/** Why carrying out a plan would cut the SSH connection of this process; undefined when it would not. */
export async function sshRiskOf(
  { sshConnection, answeredElsewhere }: Pick<HostParts, "sshConnection" | "answeredElsewhere">,
  { plan, desired }: Pick<Planned, "plan" | "desired">,
): Promise<SshRisk | undefined> {
  const connection = sshConnection?.();
  if (connection === undefined) return undefined;
  const taken = whyItsTunnelGoes(plan, connection);
  if (taken !== undefined) return { why: taken, remedy: ELSEWHERE };
  const policy = desired.resources.find(({ kind }) => kind === "firewall");
  if (policy?.kind !== "firewall") return undefined;
  const { whySshIsCut, whySshIsUnheard } = await import("../../model/firewall/ssh-guard.ts");
  const { ends, device } = connection;
  const why = whySshIsCut(policy.spec, ends, connection);
  if (why !== undefined) return { why, remedy: LET_IN };
  // If the policy is not loaded again, the connection persists on any device.
  if (!stepsOf(plan).some(({ kind }) => kind === "firewall")) return undefined;
  const tunnels = policy.spec.layers.flatMap((layer) => layer.tunnels).map((tunnel) => tunnel.device);
  const answeredBy = await answeredElsewhere?.(connection, tunnels);
  const unheard = answeredBy === undefined ? undefined : whySshIsUnheard(policy.spec, ends, { device, answeredBy });
  return unheard === undefined ? undefined : { why: unheard, remedy: ELSEWHERE };
}

/** Whether the device that it comes in by goes, or its address there, or the peer that may send as the client. */
function whyItsTunnelGoes(plan: Plan, connection: CarriedConnection): string | undefined {
  for (const { kind, action, before, after } of stepsOf(plan)) {
    if (before === null || action === "forget") continue;
    if (kind === "link" && before.device === connection.device) {
      if (action === "delete" || action === "replace") return `it goes with ${before.device}, by which you came in`;
      if (hasServer(before, connection) && after !== null && !hasServer(after, connection))
        return `the address that you connected to leaves ${before.device}`;
    }
    if (kind === "tunnel" && before.device === connection.device && after !== null) {
      if (takesFrom(before, connection) && !takesFrom(after, connection))
        return `no peer of ${before.device} may then send as ${renderIp(connection.ends.client)}`;
    }
  }
  return undefined;
}

function hasServer({ addresses }: LinkSpec, { ends }: CarriedConnection): boolean {
  return addresses.some((address) => address.startsWith(`${renderIp(ends.server)}/`));
}

/** Whether a peer's allowed addresses hold the client (cryptokey routing). */
function takesFrom({ peers }: TunnelSpec, { ends }: CarriedConnection): boolean {
  const { family, value } = ends.client;
  const client = { family, address: value, length: addressBits(family) };
  return peers.some(({ allowedIPs }) =>
    allowedIPs.some((text) => {
      const allowed = parsePrefix(text);
      return allowed !== undefined && prefixContains(allowed, client);
    }),
  );
}
