/** Characters of the arguments that are shown and matched; a process may have megabytes. */
const SHOWN_ARGUMENT_CHARACTERS = 4096;
/** USER_HZ: what /proc counts in, 100 on every architecture awg runs on (x64, arm64). */
const TICKS_PER_SECOND = 100;
/** Flag of a thread of the kernel (PF_KTHREAD, include/linux/sched.h). */
const KERNEL_THREAD = 0x0020_0000;

/** The fields of /proc/PID/stat (proc(5)) in use. */
export interface ProcStat {
  readonly name: string;
  readonly parentPid: number;
  /** Clock ticks between boot and start. */
  readonly startTicks: bigint;
  readonly isKernelThread: boolean;
}

/**
 * Parses /proc/PID/stat; undefined for a zombie and for invalid text. The name may contain brackets, blanks and line
 * ends: it extends to the last bracket.
 */
export function parseStat(text: string): ProcStat | undefined {
  const [open, close] = [text.indexOf("("), text.lastIndexOf(")")];
  const fields = text.slice(close + 2).split(" ");
  const [state = "", parent = ""] = fields;
  const start = fields[19] ?? "";
  if (open < 0 || close < open || !/^[0-9]+$/.test(parent) || !/^[0-9]+$/.test(start)) return undefined;
  if (state === "Z" || state === "X") return undefined;
  return {
    name: text.slice(open + 1, close),
    parentPid: Number(parent),
    startTicks: BigInt(start),
    isKernelThread: (Number(fields[6]) & KERNEL_THREAD) !== 0,
  };
}

/** The effective user of /proc/PID/status. */
export function parseEffectiveUid(text: string): number | undefined {
  const uid = /^Uid:\s+[0-9]+\s+([0-9]+)/m.exec(text)?.[1];
  return uid === undefined ? undefined : Number(uid);
}

/** The arguments in /proc/PID/cmdline: each ends with a NUL, unless the process overwrote them. */
export function parseCommandLine(text: string): readonly string[] {
  const cut = text.slice(0, SHOWN_ARGUMENT_CHARACTERS);
  return cut === "" ? [] : cut.replace(/\0+$/, "").split("\0");
}

/** The path of /proc/PID/cgroup in the unified hierarchy (cgroups(7)); null where there is none. */
export function parseCgroup(text: string): string | null {
  return /^0::(\/.*)$/m.exec(text)?.[1] ?? null;
}

/**
 * The nearest systemd service of a control group. A user's session is none: that service (user@1000.service) is
 * everything the user runs.
 */
export function parseUnit(cgroup: string | null): string | undefined {
  const services = (cgroup ?? "").split("/").filter((name) => /^[^@].*\.service$/.test(name));
  const nearest = services.at(-1);
  return nearest === undefined || /^user@[0-9]+\.service$/.test(nearest) ? undefined : nearest;
}

/** The inode of the socket with this port id in /proc/net/netlink: sk, protocol, port id, …, inode. */
export function netlinkInode(table: string, protocol: number, port: number): number | undefined {
  for (const line of table.split("\n")) {
    const [, itsProtocol, itsPort, ...rest] = line.trim().split(/ +/);
    if (itsProtocol === String(protocol) && itsPort === String(port)) return Number(rest.at(-1));
  }
  return undefined;
}

/** The inodes of the sockets with this local port in /proc/net/udp: sl, address:port in hex, …, inode at 9. */
export function udpInodes(table: string, port: number): readonly number[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").flatMap((line) => {
    const fields = line.trim().split(/ +/);
    return fields[1]?.endsWith(ending) === true ? [Number(fields[9])] : [];
  });
}

/** The boot time from /proc/stat, in milliseconds since the epoch. */
export function parseBootMs(text: string): number | undefined {
  const seconds = /^btime ([0-9]+)$/m.exec(text)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** The start time of a process, in milliseconds since the epoch. */
export function startedMs(bootMs: number, startTicks: bigint): number {
  return bootMs + (Number(startTicks) * 1000) / TICKS_PER_SECOND;
}

/** The inode of a socket from a link in /proc/PID/fd ("socket:[4711]"); undefined for other files. */
export function socketInode(link: string): number | undefined {
  if (!link.startsWith("socket:[") || !link.endsWith("]")) return undefined;
  const digits = link.slice("socket:[".length, -1);
  const inode = Number(digits);
  return digits !== "" && Number.isSafeInteger(inode) && inode >= 0 ? inode : undefined;
}
