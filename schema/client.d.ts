/* Written by scripts/generate from src/client; do not edit. */
/*
 * The public types of awg/client. The build copies this file as the package's declarations, so it imports nothing.
 */

/** Where awg answers: the unix socket of `awg api` (Node only), or the door of `awg ui` with its token. */
export type ConnectOptions =
  | { readonly socket: string }
  | {
      /** http on the loopback, or https: `http://127.0.0.1:1777`. */
      readonly url: string;
      /** What `POST /api/session` gave for the code in the address that `awg ui` printed. */
      readonly token?: string;
    };

/** How an action ended. */
export interface RunAnswer {
  /** 0 for success, the exit code of the verb, an HTTP status of a refusal, 13 when awg does not answer. */
  readonly code: number;
  /** Why it failed, for people. */
  readonly message?: string;
  /** The JSON document of the verb. */
  readonly data?: unknown;
}

/** Whether a daemon answers, with the reason in the same object if none does. */
export interface ServiceState {
  readonly available: boolean;
  readonly error?: StatusError;
}

/**
 * connected: a peer answers, or nothing is sent. connecting: the engine runs and no peer answers. disconnected: no tunnel
 * runs, or no daemon answers. error: the daemon cannot go on.
 */
export type TunnelsState = "connected" | "connecting" | "disconnecting" | "disconnected" | "error";

export interface StatusError {
  /** `Stalled`, `TunnelBlocked`, `Unavailable`, or the code of the action that failed. */
  readonly code: string | number;
  readonly message: string;
}

/** The state of the tunnels and its error, always of one moment. */
export interface TunnelsStatus {
  readonly state: TunnelsState;
  readonly error?: StatusError;
  /** ISO 8601: since when all is ready, where awg knows it. */
  readonly connected_at?: string;
  readonly uptime_seconds?: number;
  /** The document of `awg status --json` that this was read from; null if none was read. */
  readonly document: unknown;
}

/** An event of the daemon, as `awg events --json` prints it. */
export interface AwgEvent {
  readonly type: string;
  /** ISO 8601. */
  readonly at: string;
  readonly [field: string]: unknown;
}

/** Ends a subscription. More than one call does nothing more. */
export type Unsubscribe = () => void;

/** A client of one awg. It is connected only while something is subscribed. */
export interface AwgClient {
  /** Runs an action and waits for its end. It never rejects: `code` says how it ended. */
  run(action: string, params?: Readonly<Record<string, string>>): Promise<RunAnswer>;
  /** Calls back when a daemon begins or ceases to answer, and once with the present state. */
  onServiceStateChange(callback: (state: ServiceState) => void): Unsubscribe;
  /** Calls back with each status, and once with the present one. */
  onStatusChange(callback: (status: TunnelsStatus) => void): Unsubscribe;
  /** Calls back with each event of the daemon from now on. */
  onEvent(callback: (event: AwgEvent) => void): Unsubscribe;
  /** Ends all subscriptions. */
  close(): void;
}

/**
 * A client of the awg on this host. It connects when something is subscribed or run, not before.
 *
 * @throws TypeError for an address where awg cannot be
 */
export declare function connect(options: ConnectOptions): AwgClient;
