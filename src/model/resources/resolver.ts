/** How it is set: resolv.conf rewritten, a link of systemd-resolved, or a key of macOS's dynamic store. */
export type ResolverMethod = "file" | "resolved" | "dynamic-store";

/** The system resolver. */
export interface ResolverSpec {
  readonly method: ResolverMethod;
  /** Numeric addresses in order of preference. */
  readonly servers: readonly string[];
  readonly search: readonly string[];
  /** Device whose resolved link carries the servers; unused by the other methods. */
  readonly device: string;
  /** Servers for the names below single domains; absent where there are none. Only the dynamic store's machine has them. */
  readonly split?: Readonly<Record<string, readonly string[]>>;
}

export interface ResolverObserved {
  readonly method: ResolverMethod;
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly device: string;
  readonly split?: Readonly<Record<string, readonly string[]>>;
  /** Whether what stands there now was written by awg. */
  readonly ownedByAwg: boolean;
  /** What stands in its place and can be neither read nor replaced, for people; absent where nothing does. */
  readonly obstacle?: string;
}
