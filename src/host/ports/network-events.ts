/** The process that made a change; observed, never guessed. */
export interface NamedWriter {
  readonly pid: number;
  /** Its name for people, in one line. */
  readonly program: string;
  /** Its systemd service. */
  readonly unit?: string;
  /** Its parent, where no service identifies it better. */
  readonly parent?: { readonly pid: number; readonly program: string };
}

/** A process known only by its netlink port id, and why it could not be named. */
export interface UnnamedWriter {
  readonly port: number;
  readonly unnamed: "closed" | "unseen" | "shared";
}

export type Writer = NamedWriter | UnnamedWriter;

/** Something changed on the host's network. An event is a wake-up only: the listener reads the state again. */
export interface NetworkEvent {
  /** What changed, for people: "addresses", "routes", "packet filter". */
  readonly what: string;
  /**
   * The process that made the change, where the kernel reports it. On Linux, routes, rules and addresses name only a
   * writer that changed awg's own.
   */
  readonly by?: Writer;
  /** The change concerns an object of awg's, by its mark. */
  readonly isOurs?: true;
  /** Devices with possibly affected engines: empty for routes, rules or filters; absent when any may be affected. */
  readonly devices?: readonly string[];
  /** A device or address changed under open sockets: engines have to refresh their endpoints. */
  readonly renumbered: boolean;
}

/**
 * The network monitor: `watch` starts it, disposing the result stops it; disposing twice is allowed. This process's own
 * writes are not reported: they are recognised by port id and sequence, and on a Mac by their result. An overrun of the
 * kernel's buffer counts as a change of everything. Bursts are not merged here; the listener does that
 * (src/daemon/reconcile-intervals.ts).
 */
export interface NetworkEvents {
  watch(onEvent: (event: NetworkEvent) => void): AsyncDisposable;
}
