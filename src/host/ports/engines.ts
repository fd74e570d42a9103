import type { ProxyObserved, ProxySpec } from "../../model/relay/proxy.ts";
import type { TunnelObserved, TunnelSpec } from "../../model/resources/tunnel.ts";

/** The engines (programs or kernel modules) that encrypt, controlled over the cross-platform UAPI. */
export interface EnginePort {
  /** The state reported by a device's engine; undefined when the device has no engine. */
  read(device: string): Promise<TunnelObserved | undefined>;
  /**
   * The control socket of this tunnel's engine, existing or to come, where an engine of another network namespace has
   * the shared name; undefined for the shared one. Reads only.
   */
  separateSocket?(spec: Pick<TunnelSpec, "protocol" | "device">): Promise<string | undefined>;
  /** Names the program, other than awg's engines, that uses this UDP port; undefined when it is free. Reads only. */
  portHolder?(port: number): Promise<string | undefined>;
  /**
   * The states of our running engines.
   *
   * @param known earlier states by device that are still valid; those engines are not queried
   */
  readAll(known?: ReadonlyMap<string, TunnelObserved>): Promise<readonly TunnelObserved[]>;
  /**
   * Starts the engine if none runs (the device must exist) and sets exactly the spec's configuration in one UAPI set,
   * so that FwMark and peers arrive together; peers that stay keep their sessions. Idempotent.
   */
  ensure(spec: TunnelSpec): Promise<void>;
  /**
   * Sets the peers' endpoints again. wireguard-go caches a peer's source address until sending has failed for 15 s
   * after the address was removed; setting the endpoint clears it at once.
   */
  refreshEndpoints?(device: string): Promise<void>;
  /**
   * Has the engine request a handshake from its peers, or send an empty packet where a session is valid; with `anew` a
   * handshake also there, which awg's own engine can. The configuration does not change.
   */
  requestHandshakes?(device: string, options?: { readonly anew?: boolean }): Promise<void>;
  /** Whether this host has a route for the engines' packets to an endpoint; true when unknown. Reads only. */
  hasRoute?(endpoint: string): Promise<boolean>;
  /** Stops the engine of the device; already gone is success. */
  remove(device: string): Promise<void>;
}

/** The relays to proxies. */
export interface RelayPort {
  /** Every relay of awg on this host, also one that does not answer. */
  readAll(): Promise<readonly ProxyObserved[]>;
  /** Starts the relay, in place of the one with its path number. Idempotent: a relay with this configuration stays. */
  ensure(spec: ProxySpec): Promise<void>;
  /** Ends the relay of a path; already gone is success. */
  remove(pathNumber: number): Promise<void>;
}
