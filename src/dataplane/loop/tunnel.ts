import { createDevice } from "../../engine/create-device.ts";
import type { Device, Output, Peer, SessionListener } from "../../engine/device.ts";
import { sameEndpoint } from "../../engine/endpoint.ts";
import type { WireFormat } from "../../engine/wire/wire-format.ts";
import type { PreparedTun } from "../../native/packet-system.ts";
import type {
  DeviceSettings,
  PeerChange,
  PeerObservation,
  PlaneEvent,
  TunnelObservation,
  TunnelSettings,
  WireEndpoint,
} from "../contract.ts";
import { deviceConfigOf, type StoredSettings, sameObfuscation, storedSettings, wireOf } from "../engine-settings.ts";
import { Inbound } from "./inbound.ts";
import { Outbound } from "./outbound.ts";
import { RebindableSockets } from "./rebindable-sockets.ts";
import { RouteCache } from "./route-cache.ts";
import { SendBatch } from "./send-batch.ts";
import type { TunnelSockets } from "./sockets.ts";
import { TunWriter } from "./tun-writer.ts";
import { TunnelReport } from "./tunnel-report.ts";
import type { WorkerResources } from "./worker-resources.ts";

/** A TUN descriptor of a deleted device (EBADFD), or that was closed. */
const GONE = ["EBADFD", "EBADF", "ENODEV"];

/** Peers with timers served in one turn: each may begin a handshake, a quarter of a millisecond. */
const PEERS_A_TURN = 8;

/** One tunnel: its device, its sockets, its engine, and the two directions between them. */
export class Tunnel {
  readonly name: string;
  readonly tun: PreparedTun & { readonly fd: number };
  readonly device: Device;
  readonly batch: SendBatch;
  /** The TUN device is dead and is not read any more. */
  gone = false;
  readonly #resources: WorkerResources;
  readonly #report: TunnelReport;
  readonly #writer: TunWriter;
  readonly #outbound: Outbound;
  readonly #routes: RouteCache;
  readonly #inbound: Inbound;
  #settings: StoredSettings;
  #wire: WireFormat;
  #carried = 0;
  readonly #sockets: RebindableSockets;

  constructor(resources: WorkerResources, settings: TunnelSettings, now: number, emit: (event: PlaneEvent) => void) {
    this.name = settings.name;
    this.#resources = resources;
    const report = new TunnelReport(settings.name, now, emit);
    this.#report = report;
    this.#settings = storedSettings(settings);
    this.tun = { ...resources.system.prepareTun(settings.tunFd, settings.tunOffload), fd: settings.tunFd };
    this.#wire = wireOf(settings, resources.sources);
    this.#sockets = new RebindableSockets(settings.socket, resources.system, {
      use: (sockets) => this.#use(sockets),
      report: (kind, errno) => report.sockets(kind, errno),
    });
    const routes = new RouteCache((to) => resources.system.lookUpRoute(to, this.#settings.socket));
    this.#routes = routes;
    try {
      this.device = createDevice(
        { peers: [], ...deviceConfigOf(settings, this.#wire) },
        {
          crypto: resources.crypto,
          sources: resources.sources,
          sessions: sessionSlots(resources),
          payloadBytes: (to) => routes.payloadBytes(to),
        },
      );
      const perform = (outputs: readonly Output[]) => this.#perform(outputs);
      this.batch = new SendBatch(resources, this.sockets, routes, (to, errno) => this.#sendRefused(to, errno));
      this.#writer = new TunWriter(resources, this.tun, (errno) => this.#deviceRefused(errno));
      this.#outbound = new Outbound(resources, {
        device: this.device,
        batch: this.batch,
        tun: this.tun,
        routes,
        answer: (packet) => this.#inbound.deliver(packet),
        mtuBytes: () => this.#settings.mtuBytes,
        perform,
        readFailed: (errno) => this.#deviceRefused(errno),
      });
      this.#inbound = new Inbound(resources, {
        device: this.device,
        writer: this.#writer,
        routes,
        mtuBytes: () => this.#settings.mtuBytes,
        wire: () => this.#wire,
        perform,
        receiveFailed: (errno) => this.#sendRefused(undefined, errno),
      });
    } catch (error) {
      this.#sockets[Symbol.dispose]();
      throw error;
    }
  }

  get sockets(): TunnelSockets {
    return this.#sockets.current;
  }

  /** Handles a device that is readable, or was at the last poll. */
  fromDevice(now: number): void {
    this.#setNow(now);
    this.#outbound.turn(now);
    this.#inbound.flush();
  }

  /** Handles a readable socket. */
  fromSocket(fd: number, now: number): void {
    this.#setNow(now);
    this.#inbound.turn(fd, now);
    if (!this.batch.isEmpty) this.batch.flush();
  }

  /** Handles a writable socket. */
  socketWritable(): void {
    this.batch.flush();
  }

  /** Ends a turn: runs due timers, and processes handshakes that wait. */
  tick(now: number): void {
    this.#setNow(now);
    this.#sockets.retry(now);
    if (now >= this.device.nextDeadline()) this.#perform(this.device.tick(now, PEERS_A_TURN));
    this.#inbound.serveHandshakes(this.#carriedAny(), now);
    if (!this.batch.isEmpty) this.batch.flush();
  }

  /** The longest time to the next turn. */
  waitMs(now: number): number {
    return Math.max(0, Math.min(this.device.nextDeadline() - now, this.#inbound.handshakeWaitMs()));
  }

  /** Reports how many of the sessions at `since`, the last turn, have expired. */
  stoodStill(since: number, now: number): void {
    this.#setNow(now);
    const before = [...this.device.peers()].filter((peer) => peer.currentSession(since) !== undefined);
    const tooOld = before.filter((peer) => peer.currentSession(now) === undefined);
    this.#report.stoodStill(now - since, before.length, tooOld.length);
  }

  /** Sets the tunnel's configuration; sockets change only if their settings did. */
  configure(settings: DeviceSettings, now: number): void {
    this.#setNow(now);
    const wire = sameObfuscation(settings, this.#settings) ? this.#wire : wireOf(settings, this.#resources.sources);
    this.#sockets.change(settings.socket, now);
    const outputs = this.device.configure(deviceConfigOf(settings, wire), now);
    this.#settings = storedSettings(settings);
    this.#wire = wire;
    this.#finish(outputs);
  }

  /** Makes these changes, in order; all other peers stay as they are. */
  changePeers(changes: readonly PeerChange[], now: number): void {
    this.#setNow(now);
    for (const change of changes) this.#changePeer(change, now);
    this.#finish([]);
  }

  /** Begins a handshake with a peer now; `now` in milliseconds of the monotonic clock. */
  connect(publicKey: Uint8Array, now: number): void {
    this.#setNow(now);
    this.#finish(this.device.connect(publicKey, now));
  }

  /** Opens new sockets on the same port, after the host's addresses or routes changed. */
  rebind(now: number): void {
    this.#sockets.rebind(now);
  }

  close(): void {
    this.device.close();
    this.#sockets[Symbol.dispose]();
  }

  /** Everything but the peers, which may be thousands. */
  observe(): TunnelObservation {
    const { device, tun, batch } = this;
    const { port, segments, coalesces, four, six } = this.sockets;
    return {
      name: this.name,
      publicKey: device.publicKey,
      listenPort: port,
      mark: this.#settings.socket.mark,
      wire: this.#wire.name,
      tun: { name: tun.name, headerBytes: tun.headerBytes, offload: tun.offload },
      udp: { segments, coalesces, families: [...(four < 0 ? [] : [4 as const]), ...(six < 0 ? [] : [6 as const])] },
      peers: [],
      counters: {
        ...device.counters,
        ...named("tunRead", this.#outbound.counters),
        ...named("tunWrite", this.#writer.counters),
        ...named("udpSend", batch.counters),
        ...named("udpReceive", this.#inbound.counters),
      },
    };
  }

  /** Peers `from` to `from + count - 1`, in the order of the device. */
  observePeers(from: number, count: number): PeerObservation[] {
    return [...Iterator.from(this.device.peers()).drop(from).take(count).map(observePeer)];
  }

  #changePeer(change: PeerChange, now: number): void {
    const { device } = this;
    if (change.kind === "connect") this.#perform(device.connect(change.publicKey, now));
    else if (change.kind === "shakeHands") this.#perform(device.shakeHands(change.publicKey, now));
    else if (change.kind === "remove") device.removePeer(change.publicKey);
    else if (change.kind === "prefixes") device.changePrefixes(change.publicKey, change.add, change.remove);
    else {
      const { publicKey, endpoint } = change.settings;
      this.#perform(device.setPeer(change.settings, now));
      const at = device.peerByKey(publicKey)?.endpoint;
      if (change.movesBack && endpoint !== undefined && at !== undefined && !sameEndpoint(at, endpoint))
        device.setEndpoint(publicKey, endpoint);
    }
  }

  #setNow(now: number): void {
    this.#report.now = now;
    this.#routes.now = now;
  }

  #finish(outputs: readonly Output[]): void {
    this.#perform(outputs);
    this.#inbound.flush();
    if (!this.batch.isEmpty) this.batch.flush();
  }

  /** Whether packets were carried since the last call. */
  #carriedAny(): boolean {
    const carried = this.#outbound.counters.packets + this.#writer.counters.packets;
    const isMore = carried !== this.#carried;
    this.#carried = carried;
    return isMore;
  }

  #use(sockets: TunnelSockets): void {
    this.batch.useSockets(sockets);
    this.#routes.forget();
  }

  #perform(outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (output.kind === "datagram") this.batch.addBytes(output.to, output.bytes, output.peer === undefined);
      else if (output.kind === "inner") this.#inbound.deliver(output.bytes);
      else this.#report.peer(output.peer, output.event);
    }
  }

  #sendRefused(to: WireEndpoint | undefined, errno: string): void {
    if (errno === "EMSGSIZE") this.#routes.forget();
    this.#report.sendRefused(to, errno);
  }

  #deviceRefused(errno: string): void {
    if (!GONE.includes(errno)) this.#report.deviceRefused(errno);
    else if (!this.gone) this.#report.deviceGone(errno);
    this.gone ||= GONE.includes(errno);
  }
}

function observePeer(peer: Peer): PeerObservation {
  const { endpoint } = peer;
  const { lastHandshake, roundTripMs, ...counts } = peer.stats;
  return {
    publicKey: peer.publicKey,
    ...(endpoint === undefined ? {} : { endpoint }),
    allowedIPs: peer.allowedIPs(),
    ...counts,
    ...(lastHandshake === undefined ? {} : { lastHandshake }),
    ...(roundTripMs === undefined ? {} : { roundTripMs }),
  };
}

/** Loads the keys of each session into native memory for as long as it lives. */
function sessionSlots({ aead }: WorkerResources): SessionListener {
  return {
    opened(session) {
      session.slot = aead.load(session.sendKey, session.receiveKey);
    },
    closed(session) {
      aead.free(session.slot);
      session.slot = 0;
    },
  };
}

function named(prefix: string, counters: object): Record<string, number> {
  const entries: [string, number][] = Object.entries(counters);
  return Object.fromEntries(
    entries.map(([name, count]) => [`${prefix}${name.slice(0, 1).toUpperCase()}${name.slice(1)}`, count]),
  );
}
