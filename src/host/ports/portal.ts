import type { PortalAnswer } from "../../model/portal/portal-answer.ts";

/** The network that the host is in, as far as a login page concerns it. */
export interface LoginNetwork {
  /** The device of the first default route. */
  readonly device: string;
  /** Its router. */
  readonly gateway: string;
  /** This host's addresses on the device, with prefix length. */
  readonly addresses: readonly string[];
}

/** Questions about login pages, asked past the tunnels by the service user. */
export interface PortalPort {
  /** Undefined without a default route that has a gateway. */
  readNetwork(): Promise<LoginNetwork | undefined>;
  /** Asks the probed address by HTTP, by this device only; undefined without an answer in 3 s. */
  probe(address: string, device: string): Promise<PortalAnswer | undefined>;
  /** The IPv4 addresses of a name by these servers alone; empty where none answers. */
  resolve(name: string, servers: readonly string[]): Promise<readonly string[]>;
}
