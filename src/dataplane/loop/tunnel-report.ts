import type { DeviceEvent, Peer } from "../../engine/device.ts";
import type { PlaneEvent, WireEndpoint } from "../contract.ts";

/** What may happen with every packet is told at most this often. */
const TELL_EVERY_MS = 1000;

/** What a tunnel tells by itself, and how often. */
export class TunnelReport {
  /** The loop's clock, set before every turn. */
  now: number;
  readonly #tunnel: string;
  readonly #emit: (event: PlaneEvent) => void;
  readonly #toldOfPeers = new WeakMap<Peer, Partial<Record<DeviceEvent, number>>>();
  readonly #toldOfRefusals = new Map<string, number>();

  constructor(tunnel: string, now: number, emit: (event: PlaneEvent) => void) {
    this.#tunnel = tunnel;
    this.now = now;
    this.#emit = emit;
  }

  /** Of one peer and kind once a second: a peer may come from another address with every packet. */
  peer(peer: Peer, event: DeviceEvent): void {
    const told = this.#toldOfPeers.get(peer) ?? {};
    if (!this.#isDue(told[event])) return;
    this.#toldOfPeers.set(peer, { ...told, [event]: this.now });
    const { publicKey, endpoint } = peer;
    this.#emit({ kind: event, tunnel: this.#tunnel, publicKey, ...(endpoint === undefined ? {} : { endpoint }) });
  }

  /** The kernel took no datagram to this endpoint, or gave none; of one errno once a second. */
  sendRefused(endpoint: WireEndpoint | undefined, errno: string): void {
    const to = endpoint === undefined ? {} : { endpoint };
    if (this.#mayRepeat(`send ${errno}`)) this.#emit({ kind: "send-refused", tunnel: this.#tunnel, errno, ...to });
  }

  /** The TUN device took no packet, or gave none; of one errno once a second. */
  deviceRefused(errno: string): void {
    if (this.#mayRepeat(`device ${errno}`)) this.#emit({ kind: "device-refused", tunnel: this.#tunnel, errno });
  }

  deviceGone(errno: string): void {
    this.#emit({ kind: "device-gone", tunnel: this.#tunnel, errno });
  }

  sockets(kind: "sockets-lost" | "sockets-back", errno?: string): void {
    this.#emit({ kind, tunnel: this.#tunnel, ...(errno === undefined ? {} : { errno }) });
  }

  /** @param sessions how many stood before, and how many of these are `tooOld` now */
  stoodStill(milliseconds: number, sessions: number, tooOld: number): void {
    this.#emit({ kind: "stood-still", tunnel: this.#tunnel, milliseconds, sessions, tooOld });
  }

  #mayRepeat(refusal: string): boolean {
    if (!this.#isDue(this.#toldOfRefusals.get(refusal))) return false;
    this.#toldOfRefusals.set(refusal, this.now);
    return true;
  }

  #isDue(last: number | undefined): boolean {
    return last === undefined || this.now - last >= TELL_EVERY_MS;
  }
}
