/** Something on the machine's network changed. It only wakes: whoever hears it reads everything afresh. */
export interface NetworkEvent {
  /** What moved, for people: "addresses", "routes", "packet filter". */
  readonly what: string;
  /** Who did it, where the kernel tells. */
  readonly by?: { readonly pid: number; readonly program: string };
  /** The device or address moved under open sockets: tunnels should be told. */
  readonly renumbered: boolean;
}

/**
 * The network monitor: `watch` starts it, disposing what that gave stops it, twice as well as once. What this process wrote
 * itself is not told, by its number and sequence (what it did to a Mac's interfaces by what that left), so that others'
 * changes at the same time are. An overrun of the kernel's buffer counts as a change of everything. Bursts come as they are: quiet time and longest wait are the
 * listener's (src/daemon/rhythm.ts).
 */
export interface NetworkEvents {
  watch(onEvent: (event: NetworkEvent) => void): AsyncDisposable;
}
