import { accessSync, constants, existsSync } from "node:fs";
import { release } from "node:os";
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
import { isResolvedThere } from "./resolver-method.ts";

const PROBE_TABLE = "awg_probe";
const ABSENT_TABLE = "awg_probe_absent";

/** Kernels that first had the feature: the answer for those who may not try. */
const SINCE = { nftables: [4, 10], egressHook: [5, 16], ownedTables: [6, 9] } as const;

/**
 * What this machine can do, found by trying what leaves no trace: nf_tables transactions that end in a change that
 * must fail, so that the kernel undoes all of it.
 *
 * @param namespaced whether awg acts in a network namespace that is not the machine's own
 */
export function readCapabilities(namespaced: boolean): Capabilities {
  return {
    tun: canOpenTun(),
    ...readNftCapabilities(),
    // awg has no driver for the kernel's module yet, whether it is there or not.
    kernelWireguard: false,
    userspaceWireguard: ENGINE_PROGRAMS.wireguard.paths.some((path) => existsSync(path)),
    userspaceAmneziawg: ENGINE_PROGRAMS.amneziawg.paths.some((path) => existsSync(path)),
    resolved: isResolvedThere(namespaced),
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

type NftCapabilities = Pick<Capabilities, "nftables" | "egressHook" | "ownedTables">;

function readNftCapabilities(): NftCapabilities {
  try {
    using socket = openNetfilterSocket();
    return proveByOurTables(socket) ?? tryNftCapabilities(socket);
  } catch (error) {
    if (error instanceof AwgError) return { nftables: false, egressHook: false, ownedTables: false };
    throw error;
  }
}

/** Tables of ours that stand prove all they use, and looking costs a hundredth of trying (30 ms). */
function proveByOurTables(socket: NetlinkSocket): NftCapabilities | undefined {
  const tables = readNftTables(socket).filter(({ name }) => name === NFT_TABLE);
  if (!tables.some(({ persistent }) => persistent)) return undefined;
  const chains = readNftChains(socket).filter(({ table }) => table === NFT_TABLE);
  const egressHook = chains.some(({ family, base }) => family === "netdev" && base?.hook === "egress");
  return egressHook ? { nftables: true, ownedTables: true, egressHook } : undefined;
}

function tryNftCapabilities(socket: NetlinkSocket): NftCapabilities {
  const table = (family: "inet" | "netdev", owned: boolean): NftChange => ({
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
    action: "trying a look-up of addresses",
  };
  const accepts = (changes: readonly NftChange[], since: readonly [number, number]) =>
    wouldAccept(socket, changes) ?? isKernelAtLeast(release(), since);
  const nftables = accepts([table("inet", false), plain, fib], SINCE.nftables);
  return {
    nftables,
    ownedTables: nftables && accepts([table("inet", true)], SINCE.ownedTables),
    egressHook: nftables && accepts([table("netdev", false), chain], SINCE.egressHook),
  };
}

/**
 * Whether the kernel takes the changes: it is given one more that cannot succeed, and which of them it complains of
 * tells. undefined without the right to try.
 */
function wouldAccept(socket: NetlinkSocket, changes: readonly NftChange[]): boolean | undefined {
  const impossible = { message: encodeTableDeletion("inet", ABSENT_TABLE), action: "ending a trial" };
  try {
    commitNftChanges(socket, [...changes, impossible]);
    return false;
  } catch (error) {
    if (hasErrno(error, "EPERM", "EACCES")) return undefined;
    if (error instanceof AwgError) return error.facts["index"] === changes.length;
    throw error;
  }
}

/** Whether a kernel release ("6.18.44-x") is this version or a later one. */
export function isKernelAtLeast(text: string, [major, minor]: readonly [number, number]): boolean {
  const [foundMajor = 0, foundMinor = 0] = text.split(".").map((part) => Number.parseInt(part, 10));
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}
