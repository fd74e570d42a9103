/** A tunnel's network device with its addresses. */
export interface LinkSpec {
  /** Interface name, at most 15 bytes. */
  readonly device: string;
  /** `tun`: a TUN device held by the keeper; `wireguard`: the kernel's own. */
  readonly type: "tun" | "wireguard";
  /** Addresses with prefix length, host bits kept, canonical text, sorted: "10.8.0.2/32". */
  readonly addresses: readonly string[];
  readonly mtuBytes: number;
  /** Tunnel key the device belongs to; written to the device as its alias. Empty on one that is another program's. */
  readonly tunnel: string;
  /** The number of the utun that it is to be (macOS); the first that is free when left out. */
  readonly unit?: number;
  /** A device of this name that another program made may be taken over (`conflicts`). */
  readonly adopt?: true;
  /** What that program set up around the device and is to stand still; never desired, so that it goes. */
  readonly leftovers?: readonly Leftover[];
}

/** A rule, route or packet filter table that wg-quick set up for its device. */
export interface Leftover {
  readonly kind: "rule" | "route" | "table";
  /** As `ip` or `nft` would name it. */
  readonly text: string;
  /** What puts it back, in the host's own form. */
  readonly form: string;
}

/** The process that holds a device which is not ours. */
export interface LinkHolder {
  /** What a person knows it by, in one line. */
  readonly program: string;
  readonly pid: number;
  /** Whether it is an engine whose device awg can take over while it runs on. */
  readonly isEngine: boolean;
}

export interface LinkObserved {
  readonly device: string;
  readonly index: number;
  readonly type: "tun" | "wireguard" | "other";
  readonly up: boolean;
  readonly mtuBytes: number;
  readonly addresses: readonly string[];
  /** The tunnel named by our alias; undefined on a device that is not ours. */
  readonly tunnel: string | undefined;
  /** Whether a live keeper holds the descriptor, so that packets can flow. Always true for `wireguard`. */
  readonly held: boolean;
  /** The number of a utun that was asked for by it (macOS). */
  readonly unit?: number;
  /** Who holds a wanted device that is not ours; absent where nobody is seen to. */
  readonly holder?: LinkHolder;
  /** What another program set up around a device that is, or is to be, taken over; absent where nothing is left. */
  readonly leftovers?: readonly Leftover[];
}
