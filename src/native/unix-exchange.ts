/** One question over a unix socket, and how its answer is known to be whole. */
export interface UnixExchange {
  readonly path: string;
  readonly request: Uint8Array;
  /** The answer ends with these bytes. */
  readonly terminator: Uint8Array;
  readonly maxAnswerBytes: number;
  /** Bounds the waiting for the whole answer: one that comes byte by byte may take twice that. */
  readonly timeoutMs: number;
  /** Judges who listens, before anything is sent; the pid where the system tells it. */
  readonly checkPeer?: (peer: { readonly uid: number; readonly pid?: number }) => void;
}

/** Whether a time is over, counted from now by a clock that nobody sets. */
export function timeLimit(ms: number): () => boolean {
  const end = process.hrtime.bigint() + BigInt(Math.trunc(ms * 1_000_000));
  return () => process.hrtime.bigint() >= end;
}

/** Unix sockets of one system, for questions that nothing else waits beside. */
export interface UnixExchanges {
  /** Connects, asks and reads the answer. AwgError, with the errno's name in `facts.errno`, where nobody listens. */
  exchange(exchange: UnixExchange): Uint8Array;
  /** Whether somebody accepts connections on a unix socket. */
  isLive(path: string): boolean;
  /** The name of an errno of this system. */
  errnoName(errno: number): string;
}
