import type { MachineFacts } from "../../host/ports/facts.ts";
import type { PortRange } from "../../model/firewall/policy.ts";

/** 2^32 - 1 is no user (setresuid(2)). */
const LAST_UID = 4_294_967_294;

/**
 * The numbers of the users whom a rule or a claim names, ascending and each once: their own, and those that they may take in
 * user namespaces (docs/security.md S4.4). Users that do not exist are told apart and have none. Pure.
 */
export function uidRanges(
  users: readonly string[],
  { uids, subordinateUids = {} }: Pick<MachineFacts, "uids" | "subordinateUids">,
): { readonly ranges: PortRange[]; readonly unknown: string[] } {
  const unknown: string[] = [];
  const ranges = users.flatMap((user) => {
    const uid = /^[0-9]{1,10}$/.test(user) ? Number(user) : Object.hasOwn(uids, user) ? uids[user] : undefined;
    if (uid === undefined || uid > LAST_UID) {
      unknown.push(user);
      return [];
    }
    return [{ from: uid, to: uid }, ...(Object.hasOwn(subordinateUids, user) ? (subordinateUids[user] ?? []) : [])];
  });
  return { ranges: eachOnce(ranges), unknown };
}

function eachOnce(ranges: readonly PortRange[]): PortRange[] {
  const done: PortRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = done.at(-1);
    if (last === undefined || range.from > last.to) done.push(range);
    else done[done.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
  }
  return done;
}
