/**
 * Every number and name by which awg recognises what is its own on a Linux machine (law 6). docs/ownership.md explains
 * the choice and lists whose numbers they keep clear of; a test compares the two.
 */

/** rtnetlink protocol (rtm_protocol, FRA_PROTOCOL, IFA_PROTO) on every route, rule and address of ours. */
export const ROUTE_PROTOCOL = 174;

/** Policy rules of ours stand in this range of preferences, both ends included. */
export const RULE_PREFERENCES = { first: 10_100, last: 10_999 } as const;

/** Routing table of a path: this plus the path's number ("aw" in the upper half). */
export const TABLE_BASE = 0x6177_0000;

/** Bits of the packet mark and of the connection mark that are ours; clear of Tailscale's, Kubernetes' and WireGuard's. */
export const MARK_MASK = 0xff00_0000;
const MARK_SHIFT = 24;

/** Numbers of paths: tunnels take 1–253 without the three of other paths, and keep theirs as long as they live. */
export const PATH_NUMBERS = { firstTunnel: 1, lastTunnel: 253, direct: 61, block: 62, engine: 63 } as const;
const OTHER_PATHS: readonly number[] = [PATH_NUMBERS.direct, PATH_NUMBERS.block, PATH_NUMBERS.engine];

/** So many tunnels can have a path number at once. */
export const MOST_TUNNELS = PATH_NUMBERS.lastTunnel - PATH_NUMBERS.firstTunnel + 1 - OTHER_PATHS.length;

/** Whether it is the path number of a tunnel. */
export function isTunnelNumber(number: number): boolean {
  const { firstTunnel, lastTunnel } = PATH_NUMBERS;
  return Number.isInteger(number) && number >= firstTunnel && number <= lastTunnel && !OTHER_PATHS.includes(number);
}

/** The packet mark that says "this packet takes path n". */
export function markOfPath(pathNumber: number): number {
  return (pathNumber << MARK_SHIFT) >>> 0;
}

/** The path number a mark names, 0 when none of our bits is set. */
export function pathOfMark(mark: number): number {
  return (mark & MARK_MASK) >>> MARK_SHIFT;
}

/** The routing table of a tunnel's path. */
export function tableOfPath(pathNumber: number): number {
  return TABLE_BASE + pathNumber;
}

/** The mark of our own tunnel and bootstrap sockets; worth nothing without our uid beside it. */
export const ENGINE_MARK = markOfPath(PATH_NUMBERS.engine);

/** Metric of the `unreachable default` that ends a table of ours: larger than any route's that is to win over it. */
export const GUARD_METRIC = 4_278_198_272;

/** Name of our nftables tables, in the families inet and netdev. */
export const NFT_TABLE = "awg";

/** How long a fallback lasts in the kernel when nobody renews it, in milliseconds. */
export const FALLBACK_LIFETIME_MS = 30_000;

/** Name of the boot unit's table, deleted in the batch that installs ours. */
export const NFT_BOOT_TABLE = "awg_boot";

/** IFLA_IFALIAS of a device of ours is this followed by the tunnel's key. */
export const LINK_ALIAS_PREFIX = "awg:";

/** First line of every file that awg writes for other programs. */
export const FILE_HEADER = "# written by awg; the original is put back by `awg destroy`";

/** In the first lines of every definition of a service that awg wrote. */
export const SERVICE_MARK = "written by awg; what is edited here is overwritten, and `awg uninstall` removes it";

/** Whether the definition of a service is awg's own. */
export function bearsMark(definition: string): boolean {
  return definition.split("\n", 4).some((line) => line.includes(SERVICE_MARK));
}

/** Linux interface name of a tunnel that names none of its own. */
export function deviceOfTunnel(key: string): string {
  return `awg-${key}`;
}

/** The user whose sockets may reach endpoints and bootstrap DNS, besides root in a namespace with one uid. */
export const SERVICE_USER = "awg";
