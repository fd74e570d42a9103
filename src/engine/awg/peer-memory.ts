import type { PeerWire } from "../wire/wire-format.ts";

/** AmneziaWG 3.1: trailers extend a handshake message to less than this, until larger datagrams were seen. */
const FIRST_WINDOW_BYTES = 500;

/** What AmneziaWG remembers for one peer. */
export class PeerMemory implements PeerWire {
  /** Random trailers and padding stay below the largest transport datagram, so that messages look alike. */
  windowBytes = FIRST_WINDOW_BYTES;
  /** 1.5: when the signature packets i1 to i5 went out last, on the monotonic clock in milliseconds. */
  signaturesSentAt: number | undefined = undefined;
  /** 1.5: packets of handshakes sent so far, for `<c>`. */
  packetsSent = 0;

  noteTransport(datagramBytes: number): void {
    if (datagramBytes > this.windowBytes) this.windowBytes = datagramBytes;
  }

  endpointChanged(): void {
    this.windowBytes = FIRST_WINDOW_BYTES;
  }
}

/** The window of a peer; the initial one if the peer is not known yet (a cookie reply). */
export function windowOf(peer: PeerWire | undefined): number {
  return peer instanceof PeerMemory ? peer.windowBytes : FIRST_WINDOW_BYTES;
}
