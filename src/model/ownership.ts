/**
 * Every number and name by which awg recognizes its own objects on a Linux host (law 6). docs/reference/ownership.md explains the
 * choice and lists the programs that use other numbers; a test compares the two.
 */
import { sha256Hex } from "./sha256.ts";

/** rtnetlink protocol (rtm_protocol, FRA_PROTOCOL, IFA_PROTO) of each route, rule and address of awg. */
export const ROUTE_PROTOCOL = 174;

/** Range of preferences of awg's policy rules, both ends included. */
export const RULE_PREFERENCES = { first: 10_100, last: 10_999 } as const;

/** Routing table of a path: this plus the path's number ("aw" in the upper half). */
export const TABLE_BASE = 0x6177_0000;

/** awg's bits of the packet mark and the connection mark; Tailscale, Kubernetes and WireGuard use others. */
export const MARK_MASK = 0xff00_0000;
const MARK_SHIFT = 24;

/** Bits of a socket's mark that hold the class of its program (src/host/linux/classifier). */
export const CLASS_MARK = { shift: 5, mask: 0x1fe0 } as const;

/** Classes of programs, both ends included. 0 is a packet without a class. */
export const CLASSES = { first: 1, last: 253 } as const;

/** The class that steering gives a packet of a user's socket without a class of ours (S4.13). */
export const UNCLASSIFIED = 255;

/** The same without a socket: the kernel may send it for a program that has closed its socket. */
export const ORPHANED = 254;

/** The bits of a class in a mark. */
export function markOfClass(number: number): number {
  return (number << CLASS_MARK.shift) & CLASS_MARK.mask;
}

/** The class in a mark; 0 without one. */
export function classOfMark(mark: number): number {
  return (mark & CLASS_MARK.mask) >>> CLASS_MARK.shift;
}

/** Bits of a connection's mark that hold the number of the limit of its rule (S4.16). */
export const LIMIT_MARK = { shift: 5, mask: 0x1fe0 } as const;

/** The most rules with a limit: their numbers begin with 1. */
export const MOST_LIMITS = 255;

/** The bits of a limit in a connection's mark. */
export function markOfLimit(number: number): number {
  return (number << LIMIT_MARK.shift) & LIMIT_MARK.mask;
}

/** Path numbers: a tunnel has one of 1–253 except the three of other paths, for as long as it exists. */
export const PATH_NUMBERS = { firstTunnel: 1, lastTunnel: 253, direct: 61, block: 62, engine: 63 } as const;
const OTHER_PATHS: readonly number[] = [PATH_NUMBERS.direct, PATH_NUMBERS.block, PATH_NUMBERS.engine];

/** How many tunnels can have a path number at once. */
export const MOST_TUNNELS = PATH_NUMBERS.lastTunnel - PATH_NUMBERS.firstTunnel + 1 - OTHER_PATHS.length;

/** Whether this is the path number of a tunnel. */
export function isTunnelNumber(number: number): boolean {
  const { firstTunnel, lastTunnel } = PATH_NUMBERS;
  return Number.isInteger(number) && number >= firstTunnel && number <= lastTunnel && !OTHER_PATHS.includes(number);
}

/** The packet mark of a path. */
export function markOfPath(pathNumber: number): number {
  return (pathNumber << MARK_SHIFT) >>> 0;
}

/** The path number in a mark; 0 if none of awg's bits is set. */
export function pathOfMark(mark: number): number {
  return (mark & MARK_MASK) >>> MARK_SHIFT;
}

/** The routing table of a tunnel's path. */
export function tableOfPath(pathNumber: number): number {
  return TABLE_BASE + pathNumber;
}

/** The mark of awg's tunnel and bootstrap sockets. It grants nothing without the service user's uid. */
export const ENGINE_MARK = markOfPath(PATH_NUMBERS.engine);

/** The mark of a guest's DNS query to a declared server until its route is looked up (S4.2). */
export const GUEST_DNS_MARK = markOfPath(254);

/** The mark of a relay's packets to programs of this host; they pass loopback only (S2.1). */
export const RELAY_MARK = markOfPath(255);

/** Where relays of proxies listen; no other program reaches the IPv6 address, which does not exist. */
export const RELAY_ADDRESSES = { 4: "127.97.119.103", 6: "fd61:7767:7072:6f78::1" } as const;

/** The port of a relay's listeners: this plus the number of its path. Only root may use it. */
const RELAY_PORT_BASE = 700;

/** The port of the relay of a path. */
export function relayPort(pathNumber: number): number {
  return RELAY_PORT_BASE + pathNumber;
}

/** Metric of the `unreachable default` that ends each of awg's tables; every other route has a smaller one. */
export const GUARD_METRIC = 4_278_198_272;

/** Name of awg's nftables tables, in the families inet, netdev and arp. */
export const NFT_TABLE = "awg";

/** The comment of these tables: awg's own mark, because another program may use the same name. */
export const TABLE_MARK = "made by awg";

/** The chain of `inet awg` with the hash of the policy as its comment; nothing jumps to it. */
export const IDENTITY_CHAIN = "identity";

const OWN_FAMILIES: ReadonlySet<string> = new Set(["inet", "netdev", "arp"]);

interface NamedTable {
  readonly family: string;
  readonly name: string;
  readonly comment?: string;
}

/** Whether it has the name and family of a table of awg; another program may use them too. */
export function isNamedLikeOurs({ family, name }: NamedTable): boolean {
  return name === NFT_TABLE && OWN_FAMILIES.has(family);
}

/**
 * Which of the tables are awg's, by their mark. Kernels before 5.10 keep no comment of a table; there, and in tables of
 * earlier versions, the chain `identity` with the hash of a policy is the mark of both.
 *
 * @param readChains called only if a table of that name has no mark
 */
export function ownTablesAmong<T extends NamedTable>(
  tables: readonly T[],
  readChains: () => readonly (NamedTable & { readonly table: string })[],
): T[] {
  const named = tables.filter(isNamedLikeOurs);
  if (named.every(({ comment }) => comment === TABLE_MARK)) return named;
  const isSigned = readChains().some(
    ({ family, table, name, comment }) =>
      family === "inet" && table === NFT_TABLE && name === IDENTITY_CHAIN && /^[0-9a-f]{64}$/.test(comment ?? ""),
  );
  return named.filter(({ comment }) => comment === TABLE_MARK || isSigned);
}

/** Milliseconds after which a fallback expires in the kernel unless it is renewed. */
export const FALLBACK_LIFETIME_MS = 30_000;

/** Prefix of the dynamic sets of names (rule S4.14); the rest is a hash of what they select. */
export const NAME_SET_PREFIX = "names-";

/** How long an address stays in such a set if whoever adds it gives no time. */
export const NAME_LIFETIME_MS = 60_000;

/** Name of the boot unit's table. The batch that loads awg's tables deletes it. */
export const NFT_BOOT_TABLE = "awg_boot";

/** IFLA_IFALIAS of awg's devices: this prefix and the tunnel's key. */
export const LINK_ALIAS_PREFIX = "awg:";

/** First line of every file that awg writes for other programs. */
export const FILE_HEADER = "# written by awg; the original is put back by `awg destroy`";

/** A line near the top of every service definition that awg wrote. */
export const SERVICE_MARK = "written by awg; what is edited here is overwritten, and `awg uninstall` removes it";

/** Whether awg wrote this service definition. */
export function bearsMark(definition: string): boolean {
  return definition.split("\n", 4).some((line) => line.includes(SERVICE_MARK));
}

const DEVICE_PREFIX = "awg-";
/** IFNAMSIZ of net/if.h without the end of the string. */
const DEVICE_BYTES = 15;
const HASH_DIGITS = 5;

/**
 * Linux interface name of a tunnel without an `interface` key: `awg-office`. Of a name that is too long, its start and a
 * hash of the whole: `awg-se-mm-1f0c9`.
 */
export function deviceOfTunnel(key: string): string {
  const most = DEVICE_BYTES - DEVICE_PREFIX.length;
  if (key.length <= most) return `${DEVICE_PREFIX}${key}`;
  return `${DEVICE_PREFIX}${key.slice(0, most - HASH_DIGITS - 1)}-${sha256Hex(key).slice(0, HASH_DIGITS)}`;
}

/** The user with sockets that may reach endpoints and bootstrap DNS. In a namespace with one uid root does too. */
export const SERVICE_USER = "awg";

/** Members may do everything that awg can; as good as root. */
export const ADMIN_GROUP = "awg";

/** The group whose members may look at what the daemon knows, and change nothing. */
export const VIEWER_GROUP = "awg-viewer";
