/** The probed address, and the device to use; without one the host's routes decide. */
export interface ProbedAddress {
  /** Canonical text. */
  readonly address: string;
  /** 0 where there is none. */
  readonly port: number;
  readonly device?: string;
}

/**
 * The sockets that probes on a real host use; all are non-blocking, and the caller closes them.
 *
 * Every call throws AwgError where the host refuses: no route, no such device, a policy, no right.
 */
export interface ProbeSockets {
  /** Starts a TCP connection and returns its descriptor. */
  openConnection(to: ProbedAddress): number;
  /** Whether the connection is established; AwgError when it failed. */
  isConnected(fd: number): boolean;
  /**
   * A raw socket for echo requests (RFC 792, RFC 4443 section 4.1), connected so that it receives only from the probed
   * address.
   */
  openEchoSocket(to: ProbedAddress): number;
  send(fd: number, bytes: Uint8Array): void;
  /** The next received packet; undefined when there is none. */
  receive(fd: number): Uint8Array | undefined;
  close(fd: number): void;
}
