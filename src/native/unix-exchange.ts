/** One question over a unix socket, and how its answer is known to be whole. */
export interface UnixExchange {
  readonly path: string;
  readonly request: Uint8Array;
  /** The answer ends with these bytes. */
  readonly terminator: Uint8Array;
  readonly maxAnswerBytes: number;
  /** Bounds the waiting for the whole answer: one that comes byte by byte may take twice that. */
  readonly timeoutMs: number;
  /** Checks the listener's credentials before anything is sent; the pid is set where the system reports it. */
  readonly checkPeer?: (peer: { readonly uid: number; readonly pid?: number }) => void;
}

/** Whether a time limit has passed, by the monotonic clock. */
export function timeLimit(ms: number): () => boolean {
  const end = process.hrtime.bigint() + BigInt(Math.trunc(ms * 1_000_000));
  return () => process.hrtime.bigint() >= end;
}

/** Unix sockets of one system, for questions that nothing else waits beside. */
export interface UnixExchanges {
  /**
   * Connects, sends the request and reads the reply. AwgError with the errno's name in `facts.errno` without a
   * listener.
   */
  exchange(exchange: UnixExchange): Uint8Array;
  /** Whether a program listens on a unix socket. */
  isLive(path: string): boolean;
  /** The name of an errno of this system. */
  errnoName(errno: number): string;
}
