/** What a relay counts. Bytes are those of programs, without the proxy's headers. */
export interface Traffic {
  openConnections: number;
  connections: number;
  openSessions: number;
  /** Refused by the proxy, or because the relay is full. */
  refused: number;
  sentBytes: number;
  receivedBytes: number;
}

/** Counters at zero. */
export function newTraffic(): Traffic {
  return { openConnections: 0, connections: 0, openSessions: 0, refused: 0, sentBytes: 0, receivedBytes: 0 };
}
