/** What the running daemon does and what it cannot repair. Times are milliseconds since the epoch. */
export interface DaemonState {
  /** Config files and folders that it follows, absolute. */
  readonly files?: readonly string[];
  /** `file:line` of each tunnel and rule in the files, as far as they are those of the accepted config. */
  readonly entryLines?: Readonly<Record<string, string>>;
  /** Absent before the first look at the host. */
  readonly doing?: DaemonActivity;
  /** Why the host is not as accepted. */
  readonly stalled?: { readonly reason: string; readonly sinceMs: number };
  /** Resources that other programs keep changing, and these programs, if known. */
  readonly contended?: {
    readonly keys: readonly string[];
    readonly by: readonly string[];
    readonly sinceMs: number;
    /** When it was last seen; a fight pauses while the daemon waits. Absent counts as now. */
    readonly lastMs?: number;
  };
  /** The login page of this network; absent if it wants no login. */
  readonly portal?: { readonly url: string; readonly isOpen: boolean; readonly sinceMs: number };
  /** Devices of tunnels that are down; absent if every tunnel is up. */
  readonly down?: readonly string[];
}

/** looking: reads the host. applying: a new config. repairing: what others changed. waiting: tries again later. */
export const DAEMON_PHASES = ["looking", "applying", "repairing", "in-sync", "waiting"] as const;

export interface DaemonActivity {
  readonly phase: (typeof DAEMON_PHASES)[number];
  readonly sinceMs: number;
  /** Resources that are being changed. */
  readonly keys?: readonly string[];
  /** When a waiting daemon tries again. */
  readonly nextTryMs?: number;
  /** The files have another config than the accepted one. */
  readonly filesNotApplied?: true;
}
