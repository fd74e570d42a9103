import { AwgError } from "../../model/error.ts";
import type { PacketSocket, PacketSystem } from "../../native/packet-system.ts";
import type { SocketSettings } from "../contract.ts";
import type { SendSockets } from "./send-batch.ts";

/** Enough for bursts of several peers' superpackets. */
const BUFFER_BYTES = 7 * 1024 * 1024;
/** Attempts with another port, when the one chosen for IPv4 is in use for IPv6. */
const ATTEMPTS = 10;

/** The sockets of a tunnel and their features. */
export interface TunnelSockets extends SendSockets, Disposable {
  readonly port: number;
  readonly coalesces: boolean;
}

/** Used while a tunnel has no sockets: nothing is sent or received. */
export const NO_SOCKETS: TunnelSockets = {
  four: -1,
  six: -1,
  segments: false,
  port: 0,
  coalesces: false,
  [Symbol.dispose]: () => {},
};

/**
 * Opens a socket for each family of the host, both on the same port.
 *
 * @throws AwgError as `PacketSystem.openSocket`; one missing family is accepted.
 */
export function openSockets(settings: SocketSettings, system: Pick<PacketSystem, "openSocket">): TunnelSockets {
  const openFamily = (family: 4 | 6, port: number) => openIfThere(system, family, port, settings);
  for (let attempt = 1; ; attempt += 1) {
    const four = openFamily(4, settings.listenPort);
    try {
      const six = openFamily(6, four?.port ?? settings.listenPort);
      return together(four, six);
    } catch (error) {
      four?.[Symbol.dispose]();
      const taken = error instanceof AwgError && error.facts["errno"] === "EADDRINUSE";
      if (settings.listenPort !== 0 || !taken || attempt === ATTEMPTS) throw error;
    }
  }
}

function openIfThere(
  system: Pick<PacketSystem, "openSocket">,
  family: 4 | 6,
  port: number,
  settings: SocketSettings,
): PacketSocket | undefined {
  const { mark, user, offload, boundTo } = settings;
  const bound = family === 4 ? boundTo?.four : boundTo?.six;
  try {
    return system.openSocket({
      family,
      port,
      mark,
      bufferBytes: BUFFER_BYTES,
      ...(user === undefined ? {} : { user }),
      ...(offload === undefined ? {} : { offload }),
      ...(bound === undefined ? {} : { boundTo: bound.index }),
    });
  } catch (error) {
    if (error instanceof AwgError && ["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(String(error.facts["errno"])))
      return undefined;
    throw error;
  }
}

function together(four: PacketSocket | undefined, six: PacketSocket | undefined): TunnelSockets {
  const sockets = [four, six].filter((socket) => socket !== undefined);
  const [first] = sockets;
  if (first === undefined) {
    throw new AwgError("unsupported", "this host has neither IPv4 nor IPv6", { remedy: "bring up a network" });
  }
  return {
    four: four?.fd ?? -1,
    six: six?.fd ?? -1,
    port: first.port,
    segments: sockets.every(({ segments }) => segments),
    coalesces: sockets.every(({ coalesces }) => coalesces),
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket[Symbol.dispose]();
    },
  };
}
