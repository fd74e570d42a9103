import type { SecretId } from "../secret.ts";

export interface PeerSpec {
  /** Base64 of 32 bytes. */
  readonly publicKey: string;
  readonly presharedKey?: SecretId;
  /** Numeric "192.0.2.1:51820" or "[2001:db8::1]:51820"; names are resolved when the state is expanded. */
  readonly endpoint?: string;
  /** The name of its endpoint, where it did not resolve; only for people. */
  readonly unresolved?: string;
  /**
   * Every endpoint of its name, `endpoint` included, the likeliest first; absent with one endpoint, and for engines
   * that accept one only.
   */
  readonly endpoints?: readonly string[];
  /** Canonical prefixes, sorted. */
  readonly allowedIPs: readonly string[];
  /** 0 is off. The upper end if the time is random within a range (AmneziaWG 3.0). */
  readonly persistentKeepaliveSeconds: number;
  /** The lower end of the range; absent for a single value. */
  readonly leastKeepaliveSeconds?: number;
}

/** Whether an engine that sends to `endpoint` matches the spec; of several endpoints any is right. */
export function isAtItsEndpoint(spec: PeerSpec, endpoint: string | undefined): boolean {
  if (spec.endpoint === undefined || spec.endpoint === endpoint) return true;
  return endpoint !== undefined && spec.endpoints?.includes(endpoint) === true;
}

/**
 * The engine's configuration in a tunnel's device: keys, peers, marks; the nouns of the WireGuard cross-platform UAPI.
 */
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
  /** Further measurements of awg's own engine; absent for other engines. */
  readonly measured?: PeerMeasured;
}

export interface PeerMeasured {
  /** Initiations sent since the last completed handshake and the last message from the peer. */
  readonly handshakeAttempts: number;
  /** Response time of the last handshake that this host initiated; absent if there was none. */
  readonly roundTripMs?: number;
  /** Messages that the peer sent, by its counters, and how many arrived. */
  readonly expectedMessages: number;
  readonly acceptedMessages: number;
}

/** Why an engine with a running process does not report its state. */
export interface EngineSilence {
  /** For people: "wireguard-go (process 12) is stopped (SIGSTOP)". */
  readonly text: string;
  readonly pid: number;
  /** Another program started it, so it is not stopped without a request. */
  readonly isForeign: boolean;
  /** A signal stopped it, and another resumes it. */
  readonly canGoOn: boolean;
  /** Its reply is not an engine's reply; it may still carry packets. */
  readonly isGarbled?: true;
}

export interface TunnelObserved extends Omit<TunnelSpec, "peers" | "privateKey"> {
  /** Whether the engine answers on its UAPI socket. */
  readonly running: boolean;
  /** Set when it does not answer although its process exists. */
  readonly silence?: EngineSilence;
  /** The engine's protocol and version ("wireguard", "amneziawg 2.0"), if it reports them. */
  readonly wire?: string;
  /** Its control socket, where an engine of another network namespace has the shared name. */
  readonly socket?: string;
  readonly privateKey: SecretId | undefined;
  readonly peers: readonly PeerObserved[];
}
