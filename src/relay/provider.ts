import type { Socket } from "node:net";
import type { RefusalKind, Target } from "./protocol/dialogue.ts";

/** Why a dial failed, for people; never text of the other side. */
export class DialError extends Error {
  /** What a proxy that answered refused; absent if it did not answer as a proxy. */
  readonly refused: RefusalKind | undefined;

  constructor(reason: string, refused?: RefusalKind) {
    super(reason);
    this.name = "DialError";
    this.refused = refused;
  }
}

/** What the last attempts found out about the path to the proxy. */
export interface ProviderStatus {
  readonly state: "unknown" | "up" | "down";
  /** From the start of the connection to the proxy's first answer; absent before one came. */
  readonly latencyMs?: number;
  /** Whether it carries UDP; absent while unknown. */
  readonly udp?: boolean;
  /** Why it is down, or why it carries no UDP. */
  readonly reason?: string;
}

/** A UDP session through the proxy. */
export interface Datagrams {
  send(to: Target, data: Uint8Array): void;
  close(): void;
}

/** What receives from a UDP session. */
export interface DatagramSink {
  onDatagram(from: Target, data: Uint8Array): void;
  /** Called once, also after `close`. */
  onClose(): void;
}

/** An exit that is reached by dialling: the contract of every proxy protocol. */
export interface Provider {
  /** Tries the path to the proxy once and returns what it found; never throws. */
  connect(): Promise<ProviderStatus>;
  /** Ends every connection; later dials fail. */
  disconnect(): void;
  readonly status: ProviderStatus;
  /** The host's address of the last connection to the proxy; undefined before one. */
  readonly localAddress: string | undefined;
  /**
   * Opens a TCP connection to a destination. `early` are bytes that came with the proxy's answer.
   *
   * @throws DialError
   */
  dialTcp(target: Target): Promise<{ readonly socket: Socket; readonly early: Uint8Array }>;
  /**
   * Opens a UDP session.
   *
   * @throws DialError also where the proxy carries no UDP
   */
  dialUdp(sink: DatagramSink): Promise<Datagrams>;
}
