import { TABLE_BASE } from "../../../model/ownership.ts";
import type { Leftover } from "../../../model/resources/link.ts";
import { hasErrno } from "../../../native/linux/errno.ts";
import type { Route } from "../../../native/linux/rtnetlink/route.codec.ts";
import { openRouteNetlink, type RouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { ROUTE_TABLE } from "../../../native/linux/rtnetlink/rtnetlink-constants.ts";
import type { PolicyRule } from "../../../native/linux/rtnetlink/rule.codec.ts";
import { deleteTable, putBackTable, readGuardTables } from "./guard-tables.ts";

/** RTPROT_BOOT: the default protocol of `ip route` (iproute2, iproute_modify). */
const BOOT_PROTOCOL = 3;
/** `ip rule` writes RTPROT_BOOT, or in other versions nothing (RTPROT_UNSPEC). */
const RULE_PROTOCOLS: readonly number[] = [0, BOOT_PROTOCOL];

/**
 * What wg-quick(8) set up around a device. Reads only; empty for a device that does not exist.
 *
 * - the rule `not fwmark T lookup T` and the route into the device in table T
 * - the rule `lookup main suppress_prefixlength 0`, unless another wg-quick tunnel needs it
 * - its routes into the device in table main
 * - its tables ip and ip6 `wg-quick-<device>`
 */
export function readLeftovers(device: string): readonly Leftover[] {
  using netlink = openRouteNetlink();
  const link = netlink.link(device);
  if (link === undefined) return [];
  const routes = netlink.routes().filter((route) => isQuickRoute(route, link.index));
  const tables = new Set(routes.map(({ table }) => table));
  return [...rulesFor(netlink.rules(), tables), ...routes.map((route) => leftoverRoute(route, device))].concat(
    readGuardTables(device),
  );
}

function isQuickRoute({ oif, protocol, table, type, gateway }: Route, index: number): boolean {
  const isOurs = table >= TABLE_BASE;
  return oif === index && protocol === BOOT_PROTOCOL && type === "unicast" && gateway === undefined && !isOurs;
}

function rulesFor(rules: readonly PolicyRule[], tables: ReadonlySet<number>): Leftover[] {
  const all = rules.filter(isCatchAll);
  const mine = all.filter(({ table }) => tables.has(table ?? 0));
  const families = new Set(mine.map(({ family }) => family));
  const isShared = (family: number) => all.some((rule) => rule.family === family && !mine.includes(rule));
  const narrow = rules.filter((rule) => isNarrow(rule) && families.has(rule.family) && !isShared(rule.family));
  return [...mine, ...narrow].map((rule) => ({ kind: "rule", text: ruleText(rule), form: JSON.stringify(rule) }));
}

/** `not from all fwmark T lookup T` */
function isCatchAll({ not, mark, table, protocol, action, unknown }: PolicyRule): boolean {
  return (
    not === true &&
    mark !== undefined &&
    mark === table &&
    RULE_PROTOCOLS.includes(protocol) &&
    isPlain({ action, unknown })
  );
}

/** `from all lookup main suppress_prefixlength 0` */
function isNarrow({ not, mark, table, suppressPrefixLength, protocol, action, unknown }: PolicyRule): boolean {
  const isMain = table === ROUTE_TABLE.main && suppressPrefixLength === 0;
  return (
    not !== true && mark === undefined && isMain && RULE_PROTOCOLS.includes(protocol) && isPlain({ action, unknown })
  );
}

function isPlain({ action, unknown }: { action: PolicyRule["action"]; unknown: PolicyRule["unknown"] }): boolean {
  return action === "table" && (unknown === undefined || unknown.length === 0);
}

function ruleText({ family, priority, not, mark, table, suppressPrefixLength }: PolicyRule): string {
  const what =
    not === true ? `not from all fwmark 0x${(mark ?? 0).toString(16)} lookup ${table}` : "from all lookup main";
  const suppressed = suppressPrefixLength === undefined ? "" : ` suppress_prefixlength ${suppressPrefixLength}`;
  return `ip -${family} rule ${priority}: ${what}${suppressed}`;
}

function leftoverRoute(route: Route, device: string): Leftover {
  const table = route.table === ROUTE_TABLE.main ? "main" : String(route.table);
  return {
    kind: "route",
    text: `ip -${route.family} route ${route.destination} dev ${device} table ${table}`,
    form: JSON.stringify({ ...route, oif: 0 }),
  };
}

/** Restores leftovers of the device, then removes others. "Already so" and "already gone" count as success. */
export function changeLeftovers(
  device: string,
  { back, away }: { readonly back: readonly Leftover[]; readonly away: readonly Leftover[] },
): void {
  using netlink = openRouteNetlink();
  const index = netlink.link(device)?.index;
  // Add routes before the rules that use them; delete in the opposite order.
  for (const one of inOrder(back, ["route", "rule", "table"])) putBack(netlink, one, index);
  for (const one of inOrder(away, ["rule", "route", "table"])) takeAway(netlink, one, index);
}

function inOrder(leftovers: readonly Leftover[], kinds: readonly Leftover["kind"][]): readonly Leftover[] {
  return kinds.flatMap((kind) => leftovers.filter((one) => one.kind === kind));
}

function putBack(netlink: RouteNetlink, { kind, form }: Leftover, index: number | undefined): void {
  if (kind === "table") putBackTable(form);
  else if (kind === "rule") tolerate(() => netlink.addRule(ruleOf(form)), "EEXIST");
  else if (index !== undefined) writeRoute(netlink, { verb: "create", route: routeOf(form, index) }, "EEXIST");
}

function takeAway(netlink: RouteNetlink, { kind, form }: Leftover, index: number | undefined): void {
  if (kind === "table") deleteTable(form);
  else if (kind === "rule") tolerate(() => netlink.deleteRule(ruleOf(form)), "ENOENT", "ESRCH");
  else if (index !== undefined) writeRoute(netlink, { verb: "delete", route: routeOf(form, index) }, "ESRCH", "ENOENT");
}

function ruleOf(form: string): PolicyRule {
  return JSON.parse(form) as PolicyRule;
}

function routeOf(form: string, oif: number): Route {
  return { ...(JSON.parse(form) as Route), oif };
}

function writeRoute(
  netlink: RouteNetlink,
  change: { readonly verb: "create" | "delete"; readonly route: Route },
  ...errnos: readonly string[]
): void {
  const [error] = netlink.changeRoutes([change]);
  if (error !== undefined && !hasErrno(error, ...errnos)) throw error;
}

function tolerate(write: () => void, ...errnos: readonly string[]): void {
  try {
    write();
  } catch (error) {
    if (!hasErrno(error, ...errnos)) throw error;
  }
}
