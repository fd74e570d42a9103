import type { SecretId } from "../secret.ts";

export interface PeerSpec {
  /** Base64 of 32 bytes. */
  readonly publicKey: string;
  readonly presharedKey?: SecretId;
  /** Numeric "192.0.2.1:51820" or "[2001:db8::1]:51820"; a name was resolved when the state was expanded. */
  readonly endpoint?: string;
  /**
   * Every endpoint that its name stands for, `endpoint` among them, the likeliest first; absent where there is one, and for
   * engines that are told one at a time.
   */
  readonly endpoints?: readonly string[];
  /** Canonical prefixes, sorted. */
  readonly allowedIPs: readonly string[];
  /** 0 is off. The upper end where the time is drawn from a range (AmneziaWG 3.0). */
  readonly persistentKeepaliveSeconds: number;
  /** The lower end of the range; absent where there is one value. */
  readonly leastKeepaliveSeconds?: number;
}

/** Whether an engine that sends to `endpoint` does so as the spec has it: of several, to any. */
export function isAtItsEndpoint(spec: PeerSpec, endpoint: string | undefined): boolean {
  if (spec.endpoint === undefined || spec.endpoint === endpoint) return true;
  return endpoint !== undefined && spec.endpoints?.includes(endpoint) === true;
}

/** What runs inside a tunnel's device: keys, peers, marks; the same nouns as the WireGuard cross-platform UAPI. */
export interface TunnelSpec {
  readonly device: string;
  readonly protocol: "wireguard" | "amneziawg";
  /** `userspace`: an external wireguard-go or amneziawg-go; `kernel`: the kernel's module. */
  readonly engine: "userspace" | "kernel" | "embedded";
  readonly privateKey: SecretId;
  /** 0 lets the system choose. */
  readonly listenPort: number;
  readonly fwmark: number;
  /** Sorted by public key. */
  readonly peers: readonly PeerSpec[];
  /** AmneziaWG parameters by their UAPI names (jc, jmin, s1, h1 …), values as UAPI text; empty for plain WireGuard. */
  readonly obfuscation: Readonly<Record<string, string>>;
}

export interface PeerObserved extends PeerSpec {
  /** Seconds since the epoch; 0 means never. */
  readonly lastHandshakeSeconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** What awg's own engine measures besides; absent of other engines. */
  readonly measured?: PeerMeasured;
}

export interface PeerMeasured {
  /** Initiations sent since the last finished handshake, and since the peer was last heard. */
  readonly handshakeAttempts: number;
  /** From initiation to response of the last handshake that this end began; absent where it never began one. */
  readonly roundTripMs?: number;
  /** Messages the peer sent, as the gaps of its counters tell, and how many of them came. */
  readonly expectedMessages: number;
  readonly acceptedMessages: number;
}

/** Why an engine whose process is there tells nothing of itself. */
export interface EngineSilence {
  /** For people: "wireguard-go (process 12) is stopped (SIGSTOP)". */
  readonly text: string;
  readonly pid: number;
  /** Another program started it, so it is not ended without being asked. */
  readonly isForeign: boolean;
  /** A signal stopped it, and another lets it go on. */
  readonly canGoOn: boolean;
  /** What answers in its place is no engine's answer; it may carry packets all the same. */
  readonly isGarbled?: true;
}

export interface TunnelObserved extends Omit<TunnelSpec, "peers" | "privateKey"> {
  /** Whether the engine answers on its UAPI socket. */
  readonly running: boolean;
  /** Where it does not answer and its process is there. */
  readonly silence?: EngineSilence;
  /** The protocol and its generation as the engine speaks it ("wireguard", "amneziawg 2.0"), where it tells. */
  readonly wire?: string;
  readonly privateKey: SecretId | undefined;
  readonly peers: readonly PeerObserved[];
}
