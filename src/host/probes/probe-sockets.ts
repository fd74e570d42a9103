/** Who is asked, and by which device; absent: as the machine routes. */
export interface ProbedAddress {
  /** Canonical text. */
  readonly address: string;
  /** 0 where there is none. */
  readonly port: number;
  readonly device?: string;
}

/**
 * The sockets that probes of a real machine need; none ever waits. Who makes one closes it.
 *
 * Every call throws AwgError where the machine refuses: no route, no such device, a policy, no right.
 */
export interface ProbeSockets {
  /** Begins a TCP connection and gives its descriptor. */
  openConnection(to: ProbedAddress): number;
  /** Whether a connection has come about by now; AwgError when it has failed. */
  isConnected(fd: number): boolean;
  /** A raw socket for echo requests (RFC 792, RFC 4443 section 4.1), connected so that it hears only the one asked. */
  openEchoSocket(to: ProbedAddress): number;
  send(fd: number, bytes: Uint8Array): void;
  /** What has arrived; undefined when nothing has. */
  receive(fd: number): Uint8Array | undefined;
  close(fd: number): void;
}
