/** A tunnel's network device with its addresses. */
export interface LinkSpec {
  /** Interface name, at most 15 bytes. */
  readonly device: string;
  /** `tun`: a TUN device held by the keeper; `wireguard`: the kernel's own. */
  readonly type: "tun" | "wireguard";
  /** Addresses with prefix length, host bits kept, canonical text, sorted: "10.8.0.2/32". */
  readonly addresses: readonly string[];
  readonly mtuBytes: number;
  /** Key of the device's tunnel, written to the device as its alias. Empty for another program's device. */
  readonly tunnel: string;
  /** The wanted utun number (macOS); the first free one when absent. */
  readonly unit?: number;
  /** A device of this name from another program may be taken over (`conflicts`). */
  readonly adopt?: true;
  /** What that program set up around the device, kept for now; never desired, so it will be removed. */
  readonly leftovers?: readonly Leftover[];
}

/** A rule, route or packet filter table that wg-quick set up for its device. */
export interface Leftover {
  readonly kind: "rule" | "route" | "table";
  /** As `ip` or `nft` would name it. */
  readonly text: string;
  /** Restores it, in the host's own form. */
  readonly form: string;
}

/** The process that holds a device of another program. */
export interface LinkHolder {
  /** Its name for people, on one line. */
  readonly program: string;
  readonly pid: number;
  /** Whether it is an engine that keeps running when awg takes over its device. */
  readonly isEngine: boolean;
}

export interface LinkObserved {
  readonly device: string;
  readonly index: number;
  readonly type: "tun" | "wireguard" | "other";
  readonly up: boolean;
  readonly mtuBytes: number;
  readonly addresses: readonly string[];
  /** The tunnel named by our alias; undefined for a device that is not ours. */
  readonly tunnel: string | undefined;
  /** Whether a live keeper holds the descriptor, so that packets can flow. Always true for `wireguard`. */
  readonly held: boolean;
  /** The requested number of a utun (macOS). */
  readonly unit?: number;
  /** The holder of a wanted device that is not ours; absent if none is visible. */
  readonly holder?: LinkHolder;
  /** What another program set up around a device that was or will be taken over; absent if nothing is left. */
  readonly leftovers?: readonly Leftover[];
}
