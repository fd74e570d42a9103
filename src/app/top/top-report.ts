import type { SocketEnd } from "../../host/ports/processes.ts";
import type { ProgramLine } from "../programs/program-report.ts";

/** Bytes since the beginning, and bytes a second between two looks. */
export interface Flow {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly receivedPerSecond: number;
  readonly sentPerSecond: number;
}

/** What one tunnel's engine counts, payload of its packets with their headers, or a proxy's relay, bytes of programs. */
export interface TunnelTraffic extends Flow {
  readonly name: string;
}

export interface ConnectionTraffic extends Flow {
  readonly local: SocketEnd;
  readonly remote: SocketEnd;
}

/** One program with its TCP connections to other hosts. */
export interface ProgramTraffic {
  readonly line: ProgramLine;
  readonly receivedPerSecond: number;
  readonly sentPerSecond: number;
  readonly connections: readonly ConnectionTraffic[];
  /** UDP sockets, of which the kernel counts no bytes. */
  readonly udpSockets: number;
}

/** What `awg top` shows. */
export interface TopReport {
  /** Between the two looks. */
  readonly seconds: number;
  readonly tunnels: readonly TunnelTraffic[];
  /** Every program; those without sockets are needed for the tree. */
  readonly programs: readonly ProgramTraffic[];
  /** What could not be read, a sentence each. */
  readonly unseen: readonly string[];
}
