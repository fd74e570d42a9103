import type { FirewallPolicy, RuleDrops, Steering } from "../../../../model/firewall/policy.ts";
import { NFT_TABLE } from "../../../../model/ownership.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import type { NftChain } from "../../../../native/linux/nftables/chain.codec.ts";
import { decodeNftRule, encodeRuleListing, type NftRule } from "../../../../native/linux/nftables/rule.codec.ts";
import { FRAGMENT_PATHS, FRAME_PATHS, GUEST_PATHS, PATHS } from "../render/chain-names.ts";
import { COMMENT_OF_DEFAULT, commentOfRule } from "../render/rule-comment.ts";

/** Stands for the default in lists of rules. */
const DEFAULT_ORIGIN = "default";

/** By family: the chains that block by rules of the config. Layers of a change add a number. */
const COUNTING: Readonly<Partial<Record<NftChain["family"], RegExp>>> = {
  inet: new RegExp(`^(${PATHS}|${GUEST_PATHS})(-[0-9]+)?$`),
  netdev: new RegExp(`^(${FRAME_PATHS}|${FRAGMENT_PATHS})(-[0-9]+)?$`),
};

/**
 * The packets that each blocking rule of the config dropped since the tables were loaded. Reads the chains that count, and
 * nothing if no rule blocks.
 */
export function readRuleDrops(socket: NetlinkSocket, policy: FirewallPolicy, chains: readonly NftChain[]): RuleDrops[] {
  const origins = blockingOrigins(policy);
  if (origins.length === 0) return [];
  const packets = new Map<string, number>();
  for (const rule of chains.flatMap((chain) => (isCounting(chain) ? rulesOf(socket, chain) : []))) {
    const comment = rule.comment ?? "";
    packets.set(comment, (packets.get(comment) ?? 0) + countedBy(rule));
  }
  return origins.map((origin) => {
    const comment = origin === DEFAULT_ORIGIN ? COMMENT_OF_DEFAULT : commentOfRule(origin);
    return { rule: origin, packets: packets.get(comment) ?? 0 };
  });
}

/** The rules that block, each once. */
function blockingOrigins({ layers }: FirewallPolicy): readonly string[] {
  return [...new Set(layers.flatMap(({ flows }) => blockingIn(flows)))];
}

function blockingIn({ rules, default: rest }: Steering): readonly string[] {
  const blocking = rules.filter(({ path }) => path.kind === "block").map(({ origin }) => origin);
  return rest.kind === "block" ? [...blocking, DEFAULT_ORIGIN] : blocking;
}

/** What the counters of a rule add up to. */
export function countedBy({ expressions }: NftRule): number {
  return expressions.reduce((sum, one) => sum + (one.kind === "counter" ? Number(one.packets) : 0), 0);
}

/** The rules of one chain. The kernel may send others too. */
export function rulesOf(socket: NetlinkSocket, chain: Pick<NftChain, "family" | "table" | "name">): NftRule[] {
  const { family, table, name } = chain;
  const listing = encodeRuleListing(family, table, name);
  return socket.dump(listing, `reading the counters of the nf_tables table ${family} ${table}`).flatMap((message) => {
    const rule = decodeNftRule(message);
    return rule?.chain === name && rule.table === table && rule.family === family ? [rule] : [];
  });
}

function isCounting({ family, table, name }: NftChain): boolean {
  return table === NFT_TABLE && COUNTING[family]?.test(name) === true;
}
