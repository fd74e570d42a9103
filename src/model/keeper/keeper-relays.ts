import { isTunnelNumber } from "../ownership.ts";

const MAX_SETTINGS_LENGTH = 64 * 1024;

/** The relay of a proxy, with these settings from now on; one that runs is replaced. */
export interface EnsureRelay {
  readonly request: "ensureRelay";
  /** The number of its path. */
  readonly number: number;
  /** Text of RelaySettings; kept in memory for restarts. Contains a password. */
  readonly settings: string;
}

/** What the keeper is asked about relays. */
export type RelayRequest = EnsureRelay | { readonly request: "stopRelay"; readonly number: number };

/** A relay that the keeper watches. */
export interface KeeperRelay {
  /** The number of its path. */
  readonly number: number;
  /** 0 while it does not run. */
  readonly pid: number;
  readonly restarts: number;
}

/** Reads such a request; undefined for anything else. */
export function parseRelayRequest(
  request: RelayRequest["request"],
  { number, settings }: Readonly<Record<string, unknown>>,
): RelayRequest | undefined {
  if (typeof number !== "number" || !isTunnelNumber(number)) return undefined;
  if (request === "stopRelay") return { request, number };
  if (typeof settings !== "string" || settings.length > MAX_SETTINGS_LENGTH) return undefined;
  return { request, number, settings };
}

/** The unix socket by which the relay of a path reports its state. */
export function relaySocketPath(keeperFolder: string, pathNumber: number): string {
  return `${keeperFolder}/relay-${pathNumber}`;
}
