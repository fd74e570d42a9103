import type { HostFacts } from "../../host/ports/facts.ts";
import { LAST_UID } from "../../model/firewall/packet.ts";
import type { UidRange } from "../../model/firewall/policy.ts";

type UserFacts = Pick<HostFacts, "uids" | "subordinateUids" | "usersAmongSubordinates">;

/** How many users a note names. */
const NAMED = 3;

interface UserRanges {
  readonly ranges: UidRange[];
  readonly unknown: string[];
  /** Users who are not named by the rule, but whose uids /etc/subuid delegates to one that is; by name, ascending. */
  readonly others: string[];
}

/**
 * The uids of the users that a rule or claim names, ascending and unique: their own, and those they may use in user
 * namespaces (rule S4.4). Users that do not exist are listed apart and have none. Pure.
 *
 * @param own excludes delegated uids that are another user's own
 */
export function uidRanges(
  users: readonly string[],
  { uids, subordinateUids = {}, usersAmongSubordinates = {} }: UserFacts,
  { own = false } = {},
): UserRanges {
  const unknown: string[] = [];
  const named: UidRange[] = [];
  const taken: UidRange[] = [];
  for (const user of users) {
    const uid = /^[0-9]{1,10}$/.test(user) ? Number(user) : Object.hasOwn(uids, user) ? uids[user] : undefined;
    if (uid === undefined || uid > LAST_UID) {
      unknown.push(user);
      continue;
    }
    named.push({ from: uid, to: uid });
    if (Object.hasOwn(subordinateUids, user)) taken.push(...(subordinateUids[user] ?? []));
  }
  const others = Object.entries(usersAmongSubordinates).filter(
    ([, uid]) => !named.some(({ from }) => from === uid) && taken.some(({ from, to }) => from <= uid && uid <= to),
  );
  const left = own ? others.reduce((ranges, [, uid]) => without(ranges, uid), taken) : taken;
  return { ranges: eachOnce([...named, ...left]), unknown, others: others.map(([name]) => name).toSorted() };
}

/** The note on a rule that also matches users it does not name; one name each, and only the first of many. Pure. */
export function othersNote(others: readonly string[], { own }: { readonly own: boolean }): string {
  const more = others.length > NAMED ? [`${others.length - NAMED} more`] : [];
  const names = [...others.slice(0, more.length === 0 ? undefined : NAMED), ...more];
  const listed = [names.slice(0, -1).join(", "), ...names.slice(-1)].filter((part) => part !== "").join(" and ");
  const so = own ? "excludes them, because it sends in clear" : "applies to them too";
  return `/etc/subuid also delegates the uids of ${listed} to these users: the rule ${so}`;
}

function without(ranges: readonly UidRange[], uid: number): UidRange[] {
  return ranges.flatMap(({ from, to }) => {
    if (uid < from || uid > to) return [{ from, to }];
    return [
      { from, to: uid - 1 },
      { from: uid + 1, to },
    ].filter((part) => part.from <= part.to);
  });
}

function eachOnce(ranges: readonly UidRange[]): UidRange[] {
  const done: UidRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = done.at(-1);
    if (last === undefined || range.from > last.to) done.push(range);
    else done[done.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
  }
  return done;
}
