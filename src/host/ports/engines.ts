import type { TunnelObserved, TunnelSpec } from "../../model/resources/tunnel.ts";

/** The programs or modules that encrypt, reached over the cross-platform UAPI. */
export interface EnginePort {
  /** What the engine of a device says of itself; undefined when the device has no engine. */
  read(device: string): Promise<TunnelObserved | undefined>;
  /**
   * Who else's engine answers for a device of this name that is not on this machine, or not in this part of it; undefined
   * when nobody's does. Reads only.
   */
  elsewhere?(device: string): Promise<string | undefined>;
  /** Who has this UDP port and is no engine of awg's; undefined when nobody has. Reads only. */
  portHolder?(port: number): Promise<string | undefined>;
  /**
   * Devices for which an engine of ours runs.
   *
   * @param known what engines said before, by device, and would say again: those need not be asked
   */
  readAll(known?: ReadonlyMap<string, TunnelObserved>): Promise<readonly TunnelObserved[]>;
  /**
   * Starts the engine if none runs (a device must exist) and makes its configuration exactly the spec's, in one UAPI set,
   * so that FwMark and peer arrive together; peers that stay keep their sessions. Repeatable.
   */
  ensure(spec: TunnelSpec): Promise<void>;
  /**
   * Tells the engine its peers' endpoints again. wireguard-go keeps the source address of a peer until sending fails for
   * 15 s after the address went; setting the endpoint clears it at once.
   */
  refreshEndpoints?(device: string): Promise<void>;
  /**
   * Lets the engine ask its peers for a handshake, or where a session still counts, send them an empty packet. Leaves its
   * configuration as it is.
   */
  probe?(device: string): Promise<void>;
  /** Ends the engine of the device; none is success. */
  remove(device: string): Promise<void>;
}
