/** A tunnel's network device with its addresses. */
export interface LinkSpec {
  /** Interface name, at most 15 bytes. */
  readonly device: string;
  /** `tun`: a TUN device held by the keeper; `wireguard`: the kernel's own. */
  readonly type: "tun" | "wireguard";
  /** Addresses with prefix length, host bits kept, canonical text, sorted: "10.8.0.2/32". */
  readonly addresses: readonly string[];
  readonly mtuBytes: number;
  /** Tunnel key the device belongs to; written to the device as its alias. */
  readonly tunnel: string;
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
}
