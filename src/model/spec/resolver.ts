/** The system resolver. */
export interface ResolverSpec {
  /** How it is set: resolv.conf rewritten, or a link of systemd-resolved. */
  readonly method: "file" | "resolved";
  /** Numeric addresses in order of preference. */
  readonly servers: readonly string[];
  readonly search: readonly string[];
  /** Device whose resolved link carries the servers; unused by `file`. */
  readonly device: string;
}

export interface ResolverObserved {
  readonly method: "file" | "resolved";
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly device: string;
  /** Whether what stands there now was written by awg. */
  readonly ownedByAwg: boolean;
}
