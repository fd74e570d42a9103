/** Names one process for good: a number alone is given to another process once this one has ended. */
export interface ProcessKey {
  readonly pid: number;
  /** What tells it from a later process of that number: start in clock ticks on Linux, the kernel's unique id on macOS. */
  readonly since: bigint;
}

/** One process as far as it could be seen. A field that is absent could not be read. */
export interface Program extends ProcessKey {
  /** 0 where there is none. */
  readonly parentPid: number;
  /** The effective user. */
  readonly uid?: number;
  /** What the kernel calls it: at most 15 bytes on Linux; a process may change its own, also to control characters. */
  readonly name: string;
  /** The program's file; null for a thread of the kernel, which has none. */
  readonly path?: string | null;
  /** The file was deleted or replaced since the program was started from it. */
  readonly isReplaced?: true;
  /** Milliseconds since the epoch. */
  readonly startedMs?: number;
  /** Its arguments with the program's own name first, at most 4,096 characters in all; as the process left them. */
  readonly commandLine?: readonly string[];
  /** Path below the root of the control groups; null where the system has none. */
  readonly cgroup?: string | null;
  /** Identifiers of the bundles its file lies in, the nearest first (macOS); what a file says, as anyone could write it. */
  readonly bundleIds?: readonly string[];
  /** Who signed it, as the kernel holds it (macOS): a team identifier, "apple", or null for nobody whom Apple knows. */
  readonly signer?: string | null;
}
