import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Program } from "../../../model/program/program.ts";
import {
  parseBootMs,
  parseCgroup,
  parseCommandLine,
  parseEffectiveUid,
  parseStat,
  socketInode,
  startedMs,
  udpInodes,
} from "./proc-text.ts";

const DELETED = " (deleted)";

/** The result of reading one file: its content, or why there is none. */
type Reading<T> = { readonly value: T } | { readonly error: "gone" | "forbidden" };

/** The folder of a process's descriptors. */
export interface DescriptorsMark {
  /** Its inode, which differs when another process gets the same pid. */
  readonly folder: number;
  /** The number of descriptors (the folder's size since Linux 6.2; always 0 before). */
  readonly count: number;
}

/** A socket with a process's descriptor for it. */
export interface OpenSocket {
  readonly descriptor: string;
  readonly inode: number;
}

/** The folder /proc, or one of the same layout. */
export class ProcFolder {
  readonly root: string;
  readonly #statBuffer = Buffer.alloc(4096);
  #bootMs: number | undefined;

  constructor(root = "/proc") {
    this.root = root;
  }

  /** The pids of all visible processes. */
  pids(): number[] {
    return readdirSync(this.root)
      .filter((name) => /^[1-9][0-9]*$/.test(name))
      .map(Number);
  }

  /** Whether other users' processes are hidden (mount option hidepid, proc(5)): process 1 always exists. */
  hidesOthers(): boolean {
    return "error" in attempt(() => readFileSync(join(this.root, "1", "stat")));
  }

  /** The network namespace of a process, or of this one; undefined where it may not be read (namespaces(7)). */
  networkOf(pid: number | "self"): string | undefined {
    const link = attempt(() => readlinkSync(`${this.root}/${pid}/ns/net`));
    return "value" in link ? link.value : undefined;
  }

  /** Clock ticks between boot and the start of the process with this pid; undefined without one. */
  startTicks(pid: number): bigint | undefined {
    const stat = attempt(() => this.#readStat(pid));
    return "value" in stat ? parseStat(stat.value)?.startTicks : undefined;
  }

  /** Half the system calls of readFileSync: this runs for each process whenever all sockets are read. */
  #readStat(pid: number): string {
    const descriptor = openSync(`${this.root}/${pid}/stat`, "r");
    try {
      const length = readSync(descriptor, this.#statBuffer, 0, this.#statBuffer.length, null);
      return this.#statBuffer.toString("latin1", 0, length);
    } finally {
      closeSync(descriptor);
    }
  }

  /**
   * One process; undefined when it ended. Everything is read through one descriptor of its folder, which the kernel
   * binds to the process, so nothing can come from a later process with the same pid.
   */
  read(pid: number): Program | undefined {
    return this.#inFolder(pid, (folder) => this.#readOpen(pid, folder));
  }

  /** As `read`, if the process has the socket with this inode open; undefined otherwise. */
  readHolder(pid: number, inode: number): Program | undefined {
    return this.#inFolder(pid, (folder) => {
      const holds = socketsIn(`${folder}/fd`)?.some((socket) => socket.inode === inode);
      return holds === true ? this.#readOpen(pid, folder) : undefined;
    });
  }

  /** The netlink sockets of this network namespace; undefined where they may not be read. */
  netlinkTable(): string | undefined {
    const table = attempt(() => readFileSync(`${this.root}/net/netlink`, "latin1"));
    return "value" in table ? table.value : undefined;
  }

  /** The inodes of this network namespace's UDP sockets on this port, kernel sockets included. */
  udpSockets(port: number): readonly number[] {
    return ["udp", "udp6"].flatMap((name) => {
      const table = attempt(() => readFileSync(`${this.root}/self/net/${name}`, "latin1"));
      return "value" in table ? udpInodes(table.value, port) : [];
    });
  }

  /** The environment of a process, NAME=value each; empty where it may not be read. */
  variables(pid: number): readonly string[] {
    const environment = attempt(() => readFileSync(`${this.root}/${pid}/environ`, "utf8"));
    return "value" in environment ? environment.value.split("\0") : [];
  }

  #inFolder<T>(pid: number, read: (folder: string) => T | undefined): T | undefined {
    const folder = attempt(() => openSync(join(this.root, String(pid)), "r"));
    if ("error" in folder) return undefined;
    try {
      return read(`/proc/self/fd/${folder.value}`);
    } finally {
      closeSync(folder.value);
    }
  }

  #readOpen(pid: number, folder: string): Program | undefined {
    const text = (name: string) => attempt(() => readFileSync(`${folder}/${name}`, "utf8"));
    const statText = text("stat");
    const stat = "value" in statText ? parseStat(statText.value) : undefined;
    if (stat === undefined) return undefined;
    const status = text("status");
    const uid = "value" in status ? parseEffectiveUid(status.value) : undefined;
    const command = text("cmdline");
    const cgroup = text("cgroup");
    return {
      pid,
      since: stat.startTicks,
      parentPid: stat.parentPid,
      name: stat.name,
      startedMs: startedMs(this.#boot(), stat.startTicks),
      ...(uid === undefined ? {} : { uid }),
      ...(stat.isKernelThread ? { path: null } : this.#programFile(folder)),
      ...("value" in command ? { commandLine: parseCommandLine(command.value) } : {}),
      ...("value" in cgroup ? { cgroup: parseCgroup(cgroup.value) } : {}),
    };
  }

  /** With whether the path is one of other mounts, in which the file here may be another. */
  #programFile(folder: string): Pick<Program, "path" | "isReplaced" | "isElsewhere"> {
    const file = readProgramFile(folder);
    const isHere = (namespace: "mnt" | "user"): boolean => {
      const [own, other] = [`${this.root}/self`, folder].map((of) =>
        attempt(() => readlinkSync(`${of}/ns/${namespace}`)),
      );
      return (
        own === undefined || other === undefined || "error" in own || "error" in other || own.value === other.value
      );
    };
    if (typeof file.path !== "string" || isHere("mnt")) return file;
    const isSame = file.isReplaced === true || isSameFile(`${folder}/exe`, file.path);
    return isSame && isHere("user") ? file : { ...file, isElsewhere: true };
  }

  #boot(): number {
    if (this.#bootMs === undefined) {
      const stat = attempt(() => readFileSync(join(this.root, "stat"), "utf8"));
      this.#bootMs = ("value" in stat ? parseBootMs(stat.value) : undefined) ?? 0;
    }
    return this.#bootMs;
  }

  /** A process's open sockets with their descriptors; undefined where they may not be read. */
  sockets(pid: number): readonly OpenSocket[] | undefined {
    return socketsIn(`${this.root}/${pid}/fd`);
  }

  /** The target of a process's descriptor; "" when it is closed, or may not be read. */
  link(pid: number, descriptor: string): string {
    const link = attempt(() => readlinkSync(`${this.root}/${pid}/fd/${descriptor}`));
    return "value" in link ? link.value : "";
  }

  /** A value that changes when the process opens or closes files, or is replaced; undefined when it is gone. */
  descriptorsMark(pid: number): DescriptorsMark | undefined {
    const status = attempt(() => statSync(`${this.root}/${pid}/fd`));
    return "value" in status ? { folder: status.value.ino, count: status.value.size } : undefined;
  }
}

function socketsIn(path: string): readonly OpenSocket[] | undefined {
  const names = attempt(() => readdirSync(path));
  if ("error" in names) return names.error === "forbidden" ? undefined : [];
  const found: OpenSocket[] = [];
  for (const descriptor of names.value) {
    const link = attempt(() => readlinkSync(`${path}/${descriptor}`));
    if ("error" in link && link.error === "forbidden") return undefined;
    const inode = "value" in link ? socketInode(link.value) : undefined;
    if (inode !== undefined) found.push({ descriptor, inode });
  }
  return found;
}

/**
 * The program file of a process. The kernel appends " (deleted)" to the path of a removed file, which may also be the
 * real end of a name: in that case the path leads to the same file as the link.
 */
function readProgramFile(folder: string): Pick<Program, "path" | "isReplaced"> {
  const link = attempt(() => readlinkSync(`${folder}/exe`));
  if ("error" in link) return {};
  if (!link.value.endsWith(DELETED)) return { path: link.value };
  if (isSameFile(`${folder}/exe`, link.value)) return { path: link.value };
  return { path: link.value.slice(0, -DELETED.length), isReplaced: true };
}

function isSameFile(one: string, other: string): boolean {
  const [first, second] = [one, other].map((path) => attempt(() => statSync(path)));
  if (first === undefined || second === undefined || "error" in first || "error" in second) return false;
  return first.value.ino === second.value.ino && first.value.dev === second.value.dev;
}

function attempt<T>(read: () => T): Reading<T> {
  try {
    return { value: read() };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { error: code === "EACCES" || code === "EPERM" ? "forbidden" : "gone" };
  }
}
