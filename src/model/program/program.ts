/** Identifies one process for good: a pid is reused after the process ends. */
export interface ProcessKey {
  readonly pid: number;
  /**
   * Distinguishes it from a later process with that pid: start in clock ticks on Linux, the kernel's unique id on
   * macOS.
   */
  readonly since: bigint;
}

/** One process, as far as it is visible. An absent field could not be read. */
export interface Program extends ProcessKey {
  /** 0 if there is none. */
  readonly parentPid: number;
  /** The effective user. */
  readonly uid?: number;
  /** The kernel's name: at most 15 bytes on Linux; a process may change its own, even to control characters. */
  readonly name: string;
  /** The program's file; null for a thread of the kernel, which has none. */
  readonly path?: string | null;
  /** The file was deleted or replaced since the program was started from it. */
  readonly isReplaced?: true;
  /** Its path is one of other mounts (a container's, or those of a user namespace), and may be another file here. */
  readonly isElsewhere?: true;
  /** Milliseconds since the epoch. */
  readonly startedMs?: number;
  /** Its arguments with the program's own name first, at most 4,096 characters in all; as the process left them. */
  readonly commandLine?: readonly string[];
  /** Path below the root of the control groups; null where the system has none. */
  readonly cgroup?: string | null;
  /** Identifiers of the bundles that contain its file, the nearest first (macOS); any program can claim one. */
  readonly bundleIds?: readonly string[];
  /** Its signer according to the kernel (macOS): a team identifier, "apple", or null for one unknown to Apple. */
  readonly signer?: string | null;
}
