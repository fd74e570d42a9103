import { AwgError } from "../../model/error.ts";
import type { PacketSystem } from "../../native/packet-system.ts";
import type { SocketSettings } from "../contract.ts";
import { NO_SOCKETS, openSockets, type TunnelSockets } from "./sockets.ts";

/** Sockets that were lost are asked for again this often. */
const RETRY_MS = 1000;

/** Who must know of a tunnel's sockets. */
export interface SocketUsers {
  /** Uses these from now on; NO_SOCKETS: a closed descriptor is never polled. */
  use(sockets: TunnelSockets): void;
  /** The tunnel has no sockets, or has them again. */
  tell(kind: "sockets-lost" | "sockets-back", errno?: string): void;
}

/**
 * The sockets of a tunnel through all their changes. A port can be bound again only when it is free, so that for a moment
 * there are none; when the new ones are refused then, the former are opened again, and where another program was quicker
 * there are none until the port is free again.
 */
export class RebindableSockets implements Disposable {
  readonly #system: Pick<PacketSystem, "openSocket">;
  readonly #users: SocketUsers;
  #settings: SocketSettings;
  #current: TunnelSockets;
  /** The port that the sockets have, or had. */
  #port: number;
  #retryAt = 0;

  /** @throws AwgError as `openSockets` */
  constructor(settings: SocketSettings, system: Pick<PacketSystem, "openSocket">, users: SocketUsers) {
    this.#system = system;
    this.#users = users;
    this.#settings = settings;
    this.#current = openSockets(settings, system);
    this.#port = this.#current.port;
  }

  get current(): TunnelSockets {
    return this.#current;
  }

  /** Other sockets where the settings are others, or there are none. @throws AwgError as `openSockets`, all as it was then */
  change(settings: SocketSettings, now: number): void {
    const same = JSON.stringify(settings) === JSON.stringify(this.#settings);
    if (same && this.#current !== NO_SOCKETS) return;
    this.#replace(same ? this.#former() : settings, now);
    this.#settings = settings;
  }

  /** New sockets at the same port. @throws AwgError as `openSockets` */
  rebind(now: number): void {
    this.#replace(this.#former(), now);
  }

  /** Asks once a second for what was lost. */
  retry(now: number): void {
    if (this.#current !== NO_SOCKETS || now < this.#retryAt) return;
    this.#retryAt = now + RETRY_MS;
    try {
      this.#open(this.#former());
    } catch (error) {
      if (!(error instanceof AwgError)) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#current[Symbol.dispose]();
  }

  #former(): SocketSettings {
    return { ...this.#settings, listenPort: this.#port };
  }

  #replace(wanted: SocketSettings, now: number): void {
    const old = this.#current;
    if (old === NO_SOCKETS || wanted.listenPort === 0 || wanted.listenPort !== old.port) {
      this.#open(wanted);
      old[Symbol.dispose]();
      return;
    }
    this.#use(NO_SOCKETS);
    old[Symbol.dispose]();
    try {
      this.#open(wanted);
    } catch (error) {
      this.#comeBack(now);
      throw error;
    }
  }

  #comeBack(now: number): void {
    try {
      this.#use(openSockets(this.#former(), this.#system));
    } catch (error) {
      this.#retryAt = now + RETRY_MS;
      this.#users.tell("sockets-lost", error instanceof AwgError ? String(error.facts["errno"]) : "unknown");
    }
  }

  #open(settings: SocketSettings): void {
    const wasLost = this.#retryAt > 0;
    this.#use(openSockets(settings, this.#system));
    this.#port = this.#current.port;
    this.#retryAt = 0;
    if (wasLost) this.#users.tell("sockets-back");
  }

  #use(sockets: TunnelSockets): void {
    this.#current = sockets;
    this.#users.use(sockets);
  }
}
