import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

const TUN_PATH = "/dev/net/tun";

/** A process that has a TUN device open. */
export interface TunHolder {
  readonly pid: number;
  /** Its descriptor of the device. */
  readonly descriptor: number;
  /** The name of its program, at most 15 bytes (proc_pid_comm(5)). */
  readonly program: string;
  readonly uid: number;
  readonly gid: number;
  /** Its environment, NAME=value each. */
  readonly environment: readonly string[];
}

/**
 * The processes of this network namespace that have this TUN device open, by pid. fdinfo names a descriptor's device
 * (drivers/net/tun.c, tun_chr_show_fdinfo). Processes that may not be inspected are skipped.
 */
export function readTunHolders(device: string): readonly TunHolder[] {
  const namespace = statSync("/proc/self/ns/net").ino;
  const pids = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  return pids.map(Number).flatMap((pid) => holderOf(pid, namespace, device) ?? []);
}

function holderOf(pid: number, namespace: number, device: string): TunHolder | undefined {
  try {
    if (statSync(`/proc/${pid}/ns/net`).ino !== namespace) return undefined;
    const descriptor = readdirSync(`/proc/${pid}/fd`).find((fd) => deviceOf(pid, fd) === device);
    if (descriptor === undefined) return undefined;
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const id = (field: string) => Number(new RegExp(`^${field}:\\t([0-9]+)`, "m").exec(status)?.[1] ?? 0);
    return {
      pid,
      descriptor: Number(descriptor),
      program: readFileSync(`/proc/${pid}/comm`, "utf8").trim(),
      uid: id("Uid"),
      gid: id("Gid"),
      environment: readFileSync(`/proc/${pid}/environ`, "utf8").split("\0"),
    };
  } catch {
    // It ended, or may not be inspected.
    return undefined;
  }
}

/** The TUN devices that a process has open; undefined where it may not be inspected, or has ended. */
export function readTunDevicesOf(pid: number): readonly string[] | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => deviceOf(pid, fd) ?? []);
  } catch {
    return undefined;
  }
}

function deviceOf(pid: number, fd: string): string | undefined {
  try {
    if (readlinkSync(`/proc/${pid}/fd/${fd}`) !== TUN_PATH) return undefined;
    return /^iff:\t(.+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}
