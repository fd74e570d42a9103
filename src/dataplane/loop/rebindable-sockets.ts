import { AwgError } from "../../model/error.ts";
import type { PacketSystem } from "../../native/packet-system.ts";
import type { SocketSettings } from "../contract.ts";
import { NO_SOCKETS, openSockets, type TunnelSockets } from "./sockets.ts";

/** Retry interval for lost sockets. */
const RETRY_MS = 1000;

/** The users of a tunnel's sockets. */
export interface SocketUsers {
  /** Switches to these sockets; NO_SOCKETS: a closed descriptor must not be polled. */
  use(sockets: TunnelSockets): void;
  /** Reports that the tunnel lost its sockets, or has them again. */
  report(kind: "sockets-lost" | "sockets-back", errno?: string): void;
}

/**
 * The sockets of a tunnel across configuration changes. A port can be bound again only after it is released, so there
 * is a moment without sockets. If the new sockets are refused, the previous ones are opened again. If another program
 * took the port meanwhile, there are none until it is free.
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

  /**
   * Opens other sockets if the settings changed, or there are none. @throws AwgError as `openSockets`, with the
   * previous sockets restored
   */
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

  /** Retries lost sockets once a second. */
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
      this.#users.report("sockets-lost", error instanceof AwgError ? String(error.facts["errno"]) : "unknown");
    }
  }

  #open(settings: SocketSettings): void {
    const wasLost = this.#retryAt > 0;
    this.#use(openSockets(settings, this.#system));
    this.#port = this.#current.port;
    this.#retryAt = 0;
    if (wasLost) this.#users.report("sockets-back");
  }

  #use(sockets: TunnelSockets): void {
    this.#current = sockets;
    this.#users.use(sockets);
  }
}
