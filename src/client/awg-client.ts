import type { AwgClient, ConnectOptions } from "./client-api.ts";
import { openClient } from "./open-client.ts";
import { fetchTransport } from "./transport/fetch-transport.ts";
import { socketTransport } from "./transport/socket-transport.ts";

export type {
  AwgClient,
  AwgEvent,
  ConnectOptions,
  RunAnswer,
  ServiceState,
  StatusError,
  TunnelsState,
  TunnelsStatus,
  Unsubscribe,
} from "./client-api.ts";

/**
 * A client of the awg on this host. It connects when something is subscribed or run, not before.
 *
 * @throws TypeError for an address where awg cannot be
 */
export function connect(options: ConnectOptions): AwgClient {
  return openClient("socket" in options ? socketTransport(options.socket) : fetchTransport(options.url, options.token));
}
