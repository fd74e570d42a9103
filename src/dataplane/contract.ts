import type { AmneziaVersion } from "../config/section/obfuscation.ts";
import type { Prefix } from "../model/prefix.ts";
import type { RoutingSettings } from "../native/packet-system.ts";

/** A UDP address: 4 or 16 bytes in network order. */
export interface WireEndpoint {
  readonly address: Uint8Array;
  readonly port: number;
  /** Interface index of a link-local IPv6 address, else 0. */
  readonly scope: number;
}

/** The settings of one peer. Keys are 32 bytes. */
export interface PeerSettings {
  readonly publicKey: Uint8Array;
  readonly presharedKey?: Uint8Array;
  /** A resolved address; the caller looks up names. */
  readonly endpoint?: WireEndpoint;
  /** All its possible addresses, `endpoint` included, where there are several. */
  readonly endpoints?: readonly WireEndpoint[];
  /** Absent: those it has stay. */
  readonly allowedIPs?: readonly Prefix[];
  /** Milliseconds, drawn from the range each time; absent: off. */
  readonly persistentKeepalive?: { readonly low: number; readonly high: number };
}

/** A change of one peer; all others stay as they are. */
export type PeerChange =
  /** Adds or changes the peer; its prefixes stay. `movesBack`: if it roamed, it returns to the endpoint in `settings`. */
  | { readonly kind: "set"; readonly settings: Omit<PeerSettings, "allowedIPs">; readonly movesBack: boolean }
  /** Gives it prefixes, which may be another peer's, and removes some of its own. */
  | {
      readonly kind: "prefixes";
      readonly publicKey: Uint8Array;
      readonly add: readonly Prefix[];
      readonly remove: readonly Prefix[];
    }
  /** A session is created now, without waiting for the first packet. */
  | { readonly kind: "connect"; readonly publicKey: Uint8Array }
  /** A handshake begins now, also within a session, which continues. */
  | { readonly kind: "shakeHands"; readonly publicKey: Uint8Array }
  | { readonly kind: "remove"; readonly publicKey: Uint8Array };

/** The settings of a tunnel that can change while it runs. */
export interface DeviceSettings {
  readonly privateKey: Uint8Array;
  /** The MTU of the tunnel's device, which limits padding. */
  readonly mtuBytes: number;
  /** Handshake timestamps are never before this wall clock time; used when the tunnel is added. */
  readonly notBeforeSeconds?: number;
  /** AmneziaWG parameters by UAPI name, and the generation if given; absent: plain WireGuard. */
  readonly obfuscation?: {
    readonly parameters: Readonly<Record<string, string>>;
    readonly generation?: AmneziaVersion;
  };
  /** Absent, where a running tunnel is configured: its peers stay. */
  readonly peers?: readonly PeerSettings[];
  readonly socket: SocketSettings;
}

/** The settings of the tunnel's UDP sockets, one per family. Any change creates new sockets. */
export interface SocketSettings extends RoutingSettings {
  /** 0: the kernel chooses, the same for both families where it can. */
  readonly listenPort: number;
  /** The owner of the sockets; the process's own by default. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** False: no segmentation and coalescing of datagrams, whatever the kernel can (for tests and broken drivers). */
  readonly offload?: boolean;
}

export interface TunnelSettings extends DeviceSettings {
  /** The tunnel's name, unique in a data plane. */
  readonly name: string;
  /** An open TUN descriptor of this process. The data plane never closes it. */
  readonly tunFd: number;
  /** The TUN offloads to use at most (see OFFLOAD_LEVELS); by default all that the kernel has. */
  readonly tunOffload?: number;
}

/** The state of a running tunnel, without private or preshared keys. The worker itself reports no peers in it. */
export interface TunnelObservation {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly listenPort: number;
  readonly mark: number;
  readonly wire: string;
  readonly tun: { readonly name: string; readonly headerBytes: number; readonly offload: number };
  readonly udp: { readonly segments: boolean; readonly coalesces: boolean; readonly families: readonly (4 | 6)[] };
  readonly peers: readonly PeerObservation[];
  /** Counters by name, since the tunnel was added. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface PeerObservation {
  readonly publicKey: Uint8Array;
  readonly endpoint?: WireEndpoint;
  readonly allowedIPs: readonly Prefix[];
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly lastHandshake?: { readonly seconds: number; readonly nanoseconds: number };
  readonly handshakeAttempts: number;
  /** Round trip of the last handshake that we initiated, in milliseconds; absent: none yet. */
  readonly roundTripMs?: number;
  /** Messages the peer sent, by its counters, and how many of them arrived. */
  readonly expectedMessages: number;
  readonly acceptedMessages: number;
  readonly droppedQueued: number;
}

/** The state of the whole worker. */
export interface PlaneObservation {
  readonly crypto: string;
  /** Why OpenSSL is not used, where it is not. */
  readonly fallbackReason?: string;
  readonly packetCipher: string;
  /** Whether a packet costs no allocation because the arena lies below 2^31. */
  readonly lowAddresses: boolean;
  readonly tunnels: readonly TunnelObservation[];
}

/** An event that is not the answer to a request. */
export type PlaneEvent =
  /** At most one per second, peer and kind; reported within a second. */
  | {
      readonly kind: "handshake" | "roamed" | "unanswered" | "expired";
      readonly tunnel: string;
      readonly publicKey: Uint8Array;
      readonly endpoint?: WireEndpoint;
    }
  /** The kernel refused to send: `errno` is its name (ENETUNREACH, EMSGSIZE, EPERM…). At most one a second and errno. */
  | { readonly kind: "send-refused"; readonly tunnel: string; readonly errno: string; readonly endpoint?: WireEndpoint }
  /** New sockets could not be opened; this is retried each second, and success is reported. */
  | { readonly kind: "sockets-lost" | "sockets-back"; readonly tunnel: string; readonly errno?: string }
  /** The TUN device refused packets, at most one a second and errno. */
  | { readonly kind: "device-refused"; readonly tunnel: string; readonly errno: string }
  /** The device was deleted or its descriptor is dead: the tunnel carries nothing until it is added again. */
  | { readonly kind: "device-gone"; readonly tunnel: string; readonly errno: string }
  /**
   * No packet was processed for this long: the host slept, or the process was stopped. `sessions` existed before, and
   * `tooOld` of them have expired; traffic creates new ones.
   */
  | {
      readonly kind: "suspended";
      readonly tunnel: string;
      readonly milliseconds: number;
      readonly sessions: number;
      readonly tooOld: number;
    }
  /** The worker ended unexpectedly; add all tunnels to a new data plane. */
  | { readonly kind: "crashed"; readonly reason: string };

/** Requests to the worker, answered in order. */
export type PlaneRequest =
  | { readonly verb: "add"; readonly settings: TunnelSettings }
  | { readonly verb: "configure"; readonly name: string; readonly settings: DeviceSettings }
  /** `changes`: as `encodePeerChanges` writes them. */
  | { readonly verb: "change-peers"; readonly name: string; readonly changes: Uint8Array<ArrayBuffer> }
  /** `count` peers from the one at `from` on, in the order of `observe`. */
  | { readonly verb: "observe-peers"; readonly name: string; readonly from: number; readonly count: number }
  | { readonly verb: "connect"; readonly name: string; readonly publicKey: Uint8Array }
  | { readonly verb: "rebind"; readonly name: string }
  | { readonly verb: "remove"; readonly name: string }
  | { readonly verb: "observe" };

/** A message from the main thread to the worker. */
export type ToWorker = { readonly id: number; readonly request: PlaneRequest };
export type FromWorker =
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | {
      readonly kind: "refusal";
      readonly id: number;
      readonly error: {
        readonly kind: string;
        readonly message: string;
        readonly remedy?: string;
        readonly facts: object;
      };
    }
  | { readonly kind: "events"; readonly events: readonly PlaneEvent[] }
  | { readonly kind: "ready" };

/** The parameters of the worker's start. */
export interface WorkerStart {
  readonly awgDataPlane: true;
  /** The descriptor that wakes the worker out of poll. */
  readonly wakeFd: number;
  /** One 32-bit word; 1 asks the worker to end. */
  readonly stop: SharedArrayBuffer;
  /** False: @noble alone (for tests of the fallback). */
  readonly openssl: boolean;
}
