import { accessSync, constants, existsSync } from "node:fs";
import { ENGINE_PROGRAMS } from "../../../model/engine-program.ts";
import { AwgError } from "../../../model/error.ts";
import { NFT_TABLE } from "../../../model/ownership.ts";
import { hasErrno } from "../../../native/linux/errno.ts";
import type { NetlinkSocket } from "../../../native/linux/netlink/netlink-socket.ffi.ts";
import { encodeChain } from "../../../native/linux/nftables/chain.codec.ts";
import { loadField } from "../../../native/linux/nftables/field.ts";
import {
  commitNftChanges,
  type NftChange,
  openNetfilterSocket,
  readNftChains,
  readNftTables,
} from "../../../native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule } from "../../../native/linux/nftables/rule.codec.ts";
import { encodeTable, encodeTableDeletion } from "../../../native/linux/nftables/table.codec.ts";
import type { Capabilities } from "../../ports/facts.ts";
import { readClassifierCapability } from "./classifier-capability.ts";
import { isResolvedAvailable } from "./resolver-method.ts";

const PROBE_TABLE = "awg_probe";
const ABSENT_TABLE = "awg_probe_absent";

/** Errors of kernels without netfilter's netlink socket, or without nf_tables behind it (nfnetlink.c). */
const ABSENT = ["EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP", "EINVAL"] as const;
const DENIED = ["EPERM", "EACCES"] as const;
/** Temporary errors, which say nothing about a feature. */
const MOMENTARY = ["ENOMEM", "ENOBUFS", "EINTR", "EAGAIN", "EBUSY", "ENFILE", "EMFILE"] as const;

/** The first kernel release with the feature, for callers without the right to try. */
const SINCE = { nftables: [4, 10], egressHook: [5, 16], ownedTables: [6, 9] } as const;

/**
 * Caches the capabilities of nf_tables, which do not change while the kernel runs. "No nf_tables" is not cached: a
 * module may be loaded later.
 */
export function rememberNftCapabilities(): () => NftCapabilities {
  let known: NftCapabilities | undefined;
  return () => {
    if (known?.nftables !== true) known = readNftCapabilities();
    return known;
  };
}

/**
 * What this host can do, found by nf_tables transactions that end in a change that must fail: the kernel rolls all of
 * it back.
 *
 * @param namespaced whether awg acts in a network namespace other than the host's own
 */
export function readCapabilities(namespaced: boolean, nftCapabilities: () => NftCapabilities): Capabilities {
  return {
    tun: canOpenTun(),
    ...nftCapabilities(),
    // awg cannot use the kernel module yet, whether it is loaded or not.
    kernelWireguard: false,
    userspaceWireguard: ENGINE_PROGRAMS.wireguard.paths.some((path) => existsSync(path)),
    userspaceAmneziawg: ENGINE_PROGRAMS.amneziawg.paths.some((path) => existsSync(path)),
    resolved: isResolvedAvailable(namespaced),
    classifier: readClassifierCapability(),
  };
}

function canOpenTun(): boolean {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

export type NftCapabilities = Pick<Capabilities, "nftables" | "egressHook" | "ownedTables">;

/**
 * What the kernel's nf_tables can do; without the right to ask, what its release promises.
 *
 * @throws AwgError when the query itself failed (no memory, no descriptors), which says nothing about the kernel.
 */
export function readNftCapabilities(open: () => NetlinkSocket = openNetfilterSocket): NftCapabilities {
  try {
    using socket = open();
    return proveByOurTables(socket) ?? tryNftCapabilities(socket);
  } catch (error) {
    if (hasErrno(error, ...DENIED)) return promisedBy(process.getBuiltinModule("node:os").release());
    if (hasErrno(error, ...ABSENT)) return { nftables: false, egressHook: false, ownedTables: false };
    throw error;
  }
}

function promisedBy(kernel: string): NftCapabilities {
  return {
    nftables: isKernelAtLeast(kernel, SINCE.nftables),
    ownedTables: isKernelAtLeast(kernel, SINCE.ownedTables),
    egressHook: isKernelAtLeast(kernel, SINCE.egressHook),
  };
}

/** Our loaded tables prove every feature they use; reading them takes a hundredth of a trial (30 ms). */
function proveByOurTables(socket: NetlinkSocket): NftCapabilities | undefined {
  const tables = readNftTables(socket).filter(({ name }) => name === NFT_TABLE);
  if (!tables.some(({ persistent }) => persistent)) return undefined;
  const chains = readNftChains(socket).filter(({ table }) => table === NFT_TABLE);
  const egressHook = chains.some(({ family, base }) => family === "netdev" && base?.hook === "egress");
  return egressHook ? { nftables: true, ownedTables: true, egressHook } : undefined;
}

function tryNftCapabilities(socket: NetlinkSocket): NftCapabilities {
  const table = (family: "inet" | "netdev" | "arp", owned: boolean): NftChange => ({
    message: encodeTable({ family, name: PROBE_TABLE, owned, persistent: owned }),
    action: "trying a table",
  });
  const base = { type: "filter", hook: "egress", priority: 0, policy: "accept", devices: ["lo"] } as const;
  const chain: NftChange = {
    message: encodeChain({ family: "netdev", table: PROBE_TABLE, name: "probe", base }),
    action: "trying an egress hook",
  };
  const plain: NftChange = {
    message: encodeChain({ family: "inet", table: PROBE_TABLE, name: "probe" }),
    action: "trying a chain",
  };
  const expressions = [loadField("fib.daddr.type")];
  const fib: NftChange = {
    message: encodeRule({ family: "inet", table: PROBE_TABLE, chain: "probe", expressions }),
    action: "trying an address lookup",
  };
  const nftables = wouldAccept(socket, [table("inet", false), plain, fib]);
  return {
    nftables,
    ownedTables: nftables && wouldAccept(socket, [table("inet", true)]),
    egressHook: nftables && wouldAccept(socket, [table("netdev", false), chain, table("arp", false)]),
  };
}

/**
 * Whether the kernel accepts the changes. One more change that cannot succeed is appended; the error's position shows
 * which one was refused.
 *
 * @throws AwgError when the kernel refuses none of them, or reports a temporary error
 */
export function wouldAccept(socket: NetlinkSocket, changes: readonly NftChange[]): boolean {
  const impossible = { message: encodeTableDeletion("inet", ABSENT_TABLE), action: "ending a trial" };
  try {
    commitNftChanges(socket, [...changes, impossible]);
    return false;
  } catch (error) {
    const index = error instanceof AwgError ? error.facts["index"] : undefined;
    if (typeof index !== "number" || hasErrno(error, ...DENIED, ...MOMENTARY)) throw error;
    return index === changes.length;
  }
}

/** Whether a kernel release ("6.18.44-x") is this version or a later one. */
export function isKernelAtLeast(text: string, [major, minor]: readonly [number, number]): boolean {
  const [foundMajor = 0, foundMinor = 0] = text.split(".").map((part) => Number.parseInt(part, 10));
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}
