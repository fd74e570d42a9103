import { AwgError } from "../../../model/error.ts";
import { openNetfilterSocket } from "../../../native/linux/nftables/nft-netlink.ffi.ts";
import { ownTables } from "../nft/observe/own-tables.ts";
import { ProcFolder } from "./proc-folder.ts";
import { netlinkInode } from "./proc-text.ts";
import { processName } from "./process-name.ts";
import { SocketHolders } from "./socket-holders.ts";

/** NETLINK_NETFILTER of linux/netlink.h. */
const NETFILTER = 12;

/** A process with the netlink socket that owns our tables, so that the kernel accepts changes from it alone. */
export interface TableOwner {
  readonly pid: number;
  /** The program's name, for people. */
  readonly name: string;
  readonly isKeeper: boolean;
}

/**
 * The owner of our nf_tables tables; undefined without an owner, or if it is not visible. Reads all processes when
 * there is one.
 */
export function tableOwner(): TableOwner | undefined {
  const port = ownerPort();
  const proc = new ProcFolder();
  const inode = port === undefined ? undefined : netlinkInode(proc.netlinkTable() ?? "", NETFILTER, port);
  const [holder] = inode === undefined ? [] : new SocketHolders(proc).holdersOf(inode);
  if (holder === undefined) return undefined;
  const { pid } = holder;
  const words = proc.read(pid)?.commandLine ?? [];
  return { pid, name: processName(pid), isKeeper: words.includes("keeper") && words.includes("--run-dir") };
}

/**
 * The command that ends a process which owns our tables and is not the answering keeper; a keeper may be stopped by a
 * signal.
 */
export function endingOwner({ pid, isKeeper }: TableOwner): string {
  return isKeeper ? `kill -CONT ${pid}; kill ${pid}` : `kill ${pid}`;
}

/** Adds the table's owner to the error of a change that the kernel refused for it; other errors are unchanged. */
export function nameTableOwner(error: unknown, keeperPid: number | undefined): unknown {
  if (!(error instanceof AwgError) || error.kind !== "permission") return error;
  const owner = tableOwner();
  if (owner === undefined || owner.pid === keeperPid) return error;
  const { pid, name } = owner;
  return new AwgError("permission", `${error.message}: ${name} (process ${pid}) owns that table`, {
    cause: error,
    facts: { ...error.facts, owner: pid },
    remedy: `end it (${endingOwner(owner)}): tunnels and packet filter stay, and the next awg apply adopts them`,
  });
}

function ownerPort(): number | undefined {
  using socket = openNetfilterSocket();
  return ownTables(socket).find(({ owned }) => owned)?.ownerPort;
}
