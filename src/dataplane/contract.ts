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

/** One peer as the data plane takes it. Keys are 32 bytes. */
export interface PeerSettings {
  readonly publicKey: Uint8Array;
  readonly presharedKey?: Uint8Array;
  /** Resolved: names are looked up outside. */
  readonly endpoint?: WireEndpoint;
  /** Every address it may be at, `endpoint` among them, where there are several. */
  readonly endpoints?: readonly WireEndpoint[];
  readonly allowedIPs: readonly Prefix[];
  /** Milliseconds, drawn from the range each time; absent: off. */
  readonly persistentKeepalive?: { readonly low: number; readonly high: number };
}

/** What of a tunnel can be changed while it runs. */
export interface DeviceSettings {
  readonly privateKey: Uint8Array;
  /** The MTU of the tunnel's device, the cap of padding. */
  readonly mtuBytes: number;
  /** The wall clock that no handshake's timestamp is to be before; taken in when the tunnel is added. */
  readonly notBeforeSeconds?: number;
  /** AmneziaWG parameters by their UAPI names, and the generation where it is stated; absent: plain WireGuard. */
  readonly obfuscation?: {
    readonly parameters: Readonly<Record<string, string>>;
    readonly generation?: AmneziaVersion;
  };
  readonly peers: readonly PeerSettings[];
  readonly socket: SocketSettings;
}

/** The tunnel's UDP sockets, one a family. Changing anything of it makes new ones. */
export interface SocketSettings extends RoutingSettings {
  /** 0: the kernel chooses, the same for both families where it can. */
  readonly listenPort: number;
  /** Whose uid and gid the sockets bear; the process's own by default. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** False: no segmentation and coalescing of datagrams, whatever the kernel can (for tests and broken drivers). */
  readonly offload?: boolean;
}

export interface TunnelSettings extends DeviceSettings {
  /** By what name the tunnel is spoken of; unique in a data plane. */
  readonly name: string;
  /** An open TUN descriptor of this process. The data plane never closes it. */
  readonly tunFd: number;
  /** The most TUN offloads to use (see OFFLOAD_LEVELS); all the kernel has by default. */
  readonly tunOffload?: number;
}

/** A tunnel as it runs. No private or preshared key is in it. */
export interface TunnelObservation {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly listenPort: number;
  readonly mark: number;
  readonly wire: string;
  readonly tun: { readonly name: string; readonly headerBytes: number; readonly offload: number };
  readonly udp: { readonly segments: boolean; readonly coalesces: boolean; readonly families: readonly (4 | 6)[] };
  readonly peers: readonly PeerObservation[];
  /** Counts by what they count, since the tunnel was added. */
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
  /** How long the last handshake that we began waited for its response, in milliseconds; absent: never. */
  readonly roundTripMs?: number;
  /** Messages the peer sent as its counters tell, and how many of them came. */
  readonly expectedMessages: number;
  readonly acceptedMessages: number;
  readonly droppedQueued: number;
}

/** What the worker as a whole runs with. */
export interface PlaneObservation {
  readonly crypto: string;
  /** Why OpenSSL is not used, where it is not. */
  readonly fallbackReason?: string;
  readonly packetCipher: string;
  /** Whether a packet costs no allocation because the arena lies below 2^31. */
  readonly lowAddresses: boolean;
  readonly tunnels: readonly TunnelObservation[];
}

/** Something happened that nobody asked for. */
export type PlaneEvent =
  /** At most one a second, peer and kind; told within a second. */
  | {
      readonly kind: "handshake" | "roamed" | "unanswered" | "expired";
      readonly tunnel: string;
      readonly publicKey: Uint8Array;
      readonly endpoint?: WireEndpoint;
    }
  /** The kernel refused to send: `errno` is its name (ENETUNREACH, EMSGSIZE, EPERM…). At most one a second and errno. */
  | { readonly kind: "send-refused"; readonly tunnel: string; readonly errno: string; readonly endpoint?: WireEndpoint }
  /** Sockets were exchanged and could not be opened again; they are tried each second, and told of when they are there. */
  | { readonly kind: "sockets-lost" | "sockets-back"; readonly tunnel: string; readonly errno?: string }
  /** The TUN device refused packets, at most one a second and errno. */
  | { readonly kind: "device-refused"; readonly tunnel: string; readonly errno: string }
  /** The device was deleted or its descriptor is dead: the tunnel carries nothing until it is added anew. */
  | { readonly kind: "device-gone"; readonly tunnel: string; readonly errno: string }
  /**
   * No packet was looked at for so long: the machine slept, or the process was stopped. So many sessions stood before, so many
   * of these are too old now: what is sent next makes new ones.
   */
  | {
      readonly kind: "stood-still";
      readonly tunnel: string;
      readonly milliseconds: number;
      readonly sessions: number;
      readonly tooOld: number;
    }
  /** The worker ended though nobody stopped it; all tunnels are to be added to a new data plane. */
  | { readonly kind: "crashed"; readonly reason: string };

/** Requests to the worker, answered one by one in their order. */
export type PlaneRequest =
  | { readonly verb: "add"; readonly settings: TunnelSettings }
  | { readonly verb: "configure"; readonly name: string; readonly settings: DeviceSettings }
  | {
      readonly verb: "set-endpoint";
      readonly name: string;
      readonly publicKey: Uint8Array;
      readonly endpoint: WireEndpoint;
    }
  | { readonly verb: "connect"; readonly name: string; readonly publicKey: Uint8Array }
  | { readonly verb: "rebind"; readonly name: string }
  | { readonly verb: "remove"; readonly name: string }
  | { readonly verb: "observe" };

/** What stands between the threads. */
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

/** What the worker is started with. */
export interface WorkerStart {
  readonly awgDataPlane: true;
  /** The descriptor that wakes the worker out of poll. */
  readonly wakeFd: number;
  /** One 32-bit word; 1 asks the worker to end. */
  readonly stop: SharedArrayBuffer;
  /** False: @noble alone (for tests of the fallback). */
  readonly openssl: boolean;
}
