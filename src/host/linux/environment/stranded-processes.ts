import { statSync } from "node:fs";
import { ENGINE_SIGN } from "../../../model/engine-program.ts";
import { namesIn, textOf } from "../../../native/linux/readable-files.ts";
import type { StrandedProcess } from "../../ports/environment.ts";

/** A process with its network namespace, and what it is of awg's, if anything. */
export interface NamespacedProcess {
  readonly pid: number;
  readonly namespace: string;
  readonly role: StrandedProcess["role"] | undefined;
}

/**
 * awg's keepers and engines in network namespaces that have no mount and no other process: the namespace was deleted,
 * and only they keep it. Each keeper comes before its engines, which it would start again. Pure.
 *
 * @param kept inodes of namespaces that a mount or this process keeps
 */
export function strandedProcesses(
  processes: readonly NamespacedProcess[],
  kept: ReadonlySet<string>,
): readonly StrandedProcess[] {
  return [...Map.groupBy(processes, ({ namespace }) => namespace)]
    .filter(([namespace, all]) => !kept.has(namespace) && all.every(({ role }) => role !== undefined))
    .flatMap(([namespace, all]) =>
      all.flatMap(({ pid, role }) => (role === undefined ? [] : [{ pid, role, namespace }])),
    )
    .toSorted((a, b) => a.namespace.localeCompare(b.namespace) || b.role.localeCompare(a.role) || a.pid - b.pid);
}

/** The same for this host. */
export function readStrandedProcesses(): readonly StrandedProcess[] {
  const pids = namesIn("/proc").filter((name) => /^[0-9]+$/.test(name));
  const processes = pids.flatMap((pid) => {
    const namespace = inodeOf(`/proc/${pid}/ns/net`);
    return namespace === undefined ? [] : [{ pid: Number(pid), namespace, role: roleOf(pid) }];
  });
  const own = [inodeOf("/proc/self/ns/net") ?? "", inodeOf("/proc/1/ns/net") ?? ""];
  // A namespace may be mounted where only its own processes see it, as in a container.
  const ours = processes.flatMap(({ pid, role }) => (role === undefined ? [] : [String(pid)]));
  return strandedProcesses(processes, new Set([...own, ...["self", ...ours].flatMap(mountedNamespaces)]));
}

/** The network namespaces that have a mount, as a process sees it (proc_pid_mountinfo(5)). */
function mountedNamespaces(pid: string): readonly string[] {
  return [...textOf(`/proc/${pid}/mountinfo`).matchAll(/ net:\[([0-9]+)\] /g)].map(([, inode = ""]) => inode);
}

function roleOf(pid: string): StrandedProcess["role"] | undefined {
  if (
    textOf(`/proc/${pid}/environ`)
      .split("\0")
      .some((variable) => variable.startsWith(`${ENGINE_SIGN}=`))
  )
    return "engine";
  const words = textOf(`/proc/${pid}/cmdline`).split("\0");
  return words.includes("keeper") && words.includes("--run-dir") ? "keeper" : undefined;
}

function inodeOf(path: string): string | undefined {
  try {
    return String(statSync(path).ino);
  } catch {
    return undefined;
  }
}
