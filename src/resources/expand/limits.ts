import type { Rule } from "../../config/config.ts";
import type { RuleLimit } from "../../model/firewall/policy.ts";
import { sortsByPriority } from "../../model/firewall/queue-order.ts";
import type { ExpandContext } from "./expansion.ts";

/** The limit of a rule; what is dropped needs none. A priority notes whether it has an effect. */
export function limitOf(
  { via, limit }: Pick<Rule, "via" | "limit">,
  index: number,
  { facts, notes, unsupported }: Pick<ExpandContext, "facts" | "notes" | "unsupported">,
): { readonly limit?: RuleLimit } {
  if (limit === undefined || via.kind === "block") return {};
  const { download, upload, priority = "normal" } = limit;
  if (priority !== "normal") notes.push({ path: `rules.${index}.limit.priority`, ...judgeQueues(facts) });
  if (facts.rates?.filter === false && (download ?? upload) !== undefined)
    unsupported.push({
      path: `rules.${index}.limit`,
      message: "this kernel's nf_tables has no limit (CONFIG_NFT_LIMIT)",
    });
  const found = {
    ...(download === undefined ? {} : { download }),
    ...(upload === undefined ? {} : { upload }),
    ...(priority === "normal" ? {} : { priority }),
  };
  return Object.keys(found).length === 0 ? {} : { limit: found };
}

/** Packets get their rank everywhere; what it changes is decided by the queue of the uplink. */
function judgeQueues({ uplinks, devices }: ExpandContext["facts"]): Omit<ExpandContext["notes"][number], "path"> {
  const names = new Set(uplinks.map(({ device }) => device));
  const others = devices.filter(({ name, queue }) => names.has(name) && !sortsByPriority(queue ?? ""));
  if (others.length === 0) return { message: "sorts packets in the uplink's queue", enforcement: "best-effort" };
  const list = others.map(({ name, queue = "unknown" }) => `${name} (${queue})`).join(", ");
  return {
    message: `no effect: the queue of ${list} does not sort by priority`,
    enforcement: "advisory",
    isWarning: true,
  };
}
