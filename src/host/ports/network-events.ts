/** Something on the machine's network changed. It only wakes: whoever hears it reads everything afresh. */
export interface NetworkEvent {
  /** What moved, for people: "addresses", "routes", "packet filter". */
  readonly what: string;
  /** Who did it, where the kernel tells. */
  readonly by?: { readonly pid: number; readonly program: string };
  /** The device or address moved under open sockets: tunnels should be told. */
  readonly renumbered: boolean;
}

/** Hears changes until disposed. An overrun of the kernel's buffer counts as a change of everything. */
export interface NetworkEvents {
  watch(onEvent: (event: NetworkEvent) => void): AsyncDisposable;
}
