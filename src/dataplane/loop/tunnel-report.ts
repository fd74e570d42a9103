import type { DeviceEvent, Peer } from "../../engine/device.ts";
import type { PlaneEvent, WireEndpoint } from "../contract.ts";

/** Events that could occur with every packet are reported at most this often. */
const REPORT_EVERY_MS = 1000;

/** Reports a tunnel's events, with limited rates. */
export class TunnelReport {
  /** The loop's clock, set before every turn. */
  now: number;
  readonly #tunnel: string;
  readonly #emit: (event: PlaneEvent) => void;
  readonly #reportedPeers = new WeakMap<Peer, Partial<Record<DeviceEvent, number>>>();
  readonly #toldOfRefusals = new Map<string, number>();

  constructor(tunnel: string, now: number, emit: (event: PlaneEvent) => void) {
    this.#tunnel = tunnel;
    this.now = now;
    this.#emit = emit;
  }

  /** Once per second, peer and kind: a peer may change its address with every packet. */
  peer(peer: Peer, event: DeviceEvent): void {
    const reported = this.#reportedPeers.get(peer) ?? {};
    if (!this.#isDue(reported[event])) return;
    this.#reportedPeers.set(peer, { ...reported, [event]: this.now });
    const { publicKey, endpoint } = peer;
    this.#emit({ kind: event, tunnel: this.#tunnel, publicKey, ...(endpoint === undefined ? {} : { endpoint }) });
  }

  /** A send to this endpoint, or a receive, failed; once per second and errno. */
  sendRefused(endpoint: WireEndpoint | undefined, errno: string): void {
    const to = endpoint === undefined ? {} : { endpoint };
    if (this.#mayRepeat(`send ${errno}`)) this.#emit({ kind: "send-refused", tunnel: this.#tunnel, errno, ...to });
  }

  /** A write to the TUN device, or a read, failed; once per second and errno. */
  deviceRefused(errno: string): void {
    if (this.#mayRepeat(`device ${errno}`)) this.#emit({ kind: "device-refused", tunnel: this.#tunnel, errno });
  }

  /** The TUN device was deleted. */
  deviceGone(errno: string): void {
    this.#emit({ kind: "device-gone", tunnel: this.#tunnel, errno });
  }

  /** The UDP sockets failed, or work again. */
  sockets(kind: "sockets-lost" | "sockets-back", errno?: string): void {
    this.#emit({ kind, tunnel: this.#tunnel, ...(errno === undefined ? {} : { errno }) });
  }

  /** @param sessions how many existed before the pause, and how many of these are `tooOld` now */
  stoodStill(milliseconds: number, sessions: number, tooOld: number): void {
    this.#emit({ kind: "suspended", tunnel: this.#tunnel, milliseconds, sessions, tooOld });
  }

  #mayRepeat(refusal: string): boolean {
    if (!this.#isDue(this.#toldOfRefusals.get(refusal))) return false;
    this.#toldOfRefusals.set(refusal, this.now);
    return true;
  }

  #isDue(last: number | undefined): boolean {
    return last === undefined || this.now - last >= REPORT_EVERY_MS;
  }
}
