/** The process that changed something; as it was seen to be, never guessed. */
export interface NamedWriter {
  readonly pid: number;
  /** What a person knows it by, in one line. */
  readonly program: string;
  /** The service of systemd that it belongs to. */
  readonly unit?: string;
  /** Who its parent is, where no service tells more. */
  readonly parent?: { readonly pid: number; readonly program: string };
}

/** A process of which only the address of its netlink socket is known, and why. */
export interface UnnamedWriter {
  readonly port: number;
  readonly unnamed: "closed" | "unseen" | "shared";
}

export type Writer = NamedWriter | UnnamedWriter;

/** Something on the machine's network changed. It only wakes: whoever hears it looks for himself. */
export interface NetworkEvent {
  /** What moved, for people: "addresses", "routes", "packet filter". */
  readonly what: string;
  /** Who did it, where the kernel tells. On Linux, of routes, rules and addresses, only who changed awg's own. */
  readonly by?: Writer;
  /** It was awg's own that was changed, as its mark tells. */
  readonly isOurs?: true;
  /** The devices that the engines of may be affected: none where only routes, rules or filters moved; absent where any may. */
  readonly devices?: readonly string[];
  /** The device or address moved under open sockets: tunnels should be told. */
  readonly renumbered: boolean;
}

/**
 * The network monitor: `watch` starts it, disposing what that gave stops it, twice as well as once. What this process wrote
 * itself is not told, by its number and sequence (what it did to a Mac's interfaces by what that left), so that others'
 * changes at the same time are. An overrun of the kernel's buffer counts as a change of everything. Bursts come as they are: quiet time and longest wait are the
 * listener's (src/daemon/reconcile-intervals.ts).
 */
export interface NetworkEvents {
  watch(onEvent: (event: NetworkEvent) => void): AsyncDisposable;
}
