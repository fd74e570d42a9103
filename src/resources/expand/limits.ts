import type { Rule } from "../../config/config.ts";
import type { RuleLimit } from "../../model/firewall/policy.ts";
import { sortsByPriority } from "../../model/firewall/queue-order.ts";
import type { ExpandContext, Note } from "./expansion.ts";

/** The limit of a rule; what is dropped needs none. */
export function limitOf(
  { via, limit }: Pick<Rule, "via" | "limit">,
  index: number,
  { facts, unsupported }: Pick<ExpandContext, "facts" | "unsupported">,
): { readonly limit?: RuleLimit } {
  if (limit === undefined || via.kind === "block") return {};
  const { download, upload, priority = "normal" } = limit;
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

/** Whether the priority of a rule has an effect. Packets get their rank everywhere; the uplink's queue decides. */
export function priorityNotes(
  { via, limit }: Pick<Rule, "via" | "limit">,
  index: number,
  { facts: { uplinks, devices } }: Pick<ExpandContext, "facts">,
): Note[] {
  if (via.kind === "block" || (limit?.priority ?? "normal") === "normal") return [];
  const path = `rules.${index}.limit.priority`;
  const names = new Set(uplinks.map(({ device }) => device));
  const others = devices.filter(({ name, queue }) => names.has(name) && !sortsByPriority(queue ?? ""));
  if (others.length === 0)
    return [{ path, message: "sorts packets in the uplink's queue", enforcement: "best-effort" }];
  const list = others.map(({ name, queue = "unknown" }) => `${name} (${queue})`).join(", ");
  const message = `no effect: the queue of ${list} does not sort by priority`;
  return [{ path, message, enforcement: "advisory", isWarning: true }];
}
