import { lookup } from "node:dns/promises";
import { existsSync, readdirSync } from "node:fs";
import type { ShownDevice } from "../../interchange/wg-tool/shown-device.ts";
import { renderTunnelChange, type TunnelChange } from "../../interchange/wg-tool/tunnel-change.ts";
import { ENGINE_PROGRAMS } from "../../model/engine-program.ts";
import { AwgError } from "../../model/error.ts";
import { bytesToBase64 } from "../../uapi/key-text.ts";
import { parseUapiDevice, parseUapiErrno, UAPI_GET, type UapiDevice } from "../../uapi/reply.ts";
import { publicKeyOf } from "./public-key.ts";

const ANSWER_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** The unix sockets of this system. */
export interface UnixSockets {
  /** Sends a request and reads the answer up to these bytes; `checkPeer` may refuse the listener before that. */
  exchange(exchange: {
    readonly path: string;
    readonly request: Uint8Array;
    readonly terminator: Uint8Array;
    readonly maxAnswerBytes: number;
    readonly timeoutMs: number;
    readonly checkPeer: (peer: { readonly uid: number }) => void;
  }): Uint8Array;
  /** Whether a program listens on it. */
  isLive(path: string): boolean;
  errnoName(errno: number): string;
}

/** Where to look for control sockets, and how to use them. */
export interface SocketPlaces {
  /** A folder with the sockets that cannot have the shared name; it comes first. */
  readonly keeperFolder?: string;
  /** Whether a socket in a shared folder counts. */
  readonly counts: (path: string) => boolean;
  readonly unix: UnixSockets;
}

/** Every device with an answering engine, sorted by name. */
export function tunnelNames(places: SocketPlaces): string[] {
  const live = sockets(places).filter(({ path }) => places.unix.isLive(path));
  return [...new Set(live.map(({ name }) => name))].toSorted();
}

/**
 * The state of one device.
 *
 * @throws AwgError("host") when no engine answers for it, ("permission") when it may not be asked
 */
export function readTunnel(places: SocketPlaces, name: string): ShownDevice {
  const state = parseUapiDevice(exchange(places, name, UAPI_GET));
  const publicKey = state.privateKey === undefined ? undefined : bytesToBase64(publicKeyOf(state.privateKey));
  return { name, publicKey, state };
}

/** The state alone, for making a change out of a conf. */
export function readTunnelState(places: SocketPlaces, name: string): UapiDevice {
  return readTunnel(places, name).state;
}

/**
 * Carries a change out. Endpoints that are names are resolved first, so that nothing is half done when one has no
 * address.
 *
 * @throws AwgError("host") with the engine's answer
 */
export async function changeTunnel(places: SocketPlaces, name: string, change: TunnelChange): Promise<void> {
  const peers = [];
  for (const peer of change.peers) {
    peers.push(peer.endpoint === undefined ? peer : { ...peer, endpoint: await resolveEndpoint(peer.endpoint) });
  }
  const errno = parseUapiErrno(exchange(places, name, renderTunnelChange({ ...change, peers })));
  if (errno !== 0) {
    throw new AwgError("host", `the engine of ${name} refused the change: ${places.unix.errnoName(errno)}`, {
      remedy: "check that it knows every parameter, and that values go together",
    });
  }
}

function sockets({ keeperFolder, counts }: SocketPlaces): { readonly name: string; readonly path: string }[] {
  const shared = Object.values(ENGINE_PROGRAMS).flatMap(({ socketFolder }) => socketsIn(socketFolder, ""));
  const own =
    keeperFolder === undefined
      ? []
      : Object.keys(ENGINE_PROGRAMS).flatMap((protocol) => socketsIn(keeperFolder, `${protocol}-`));
  return [...own, ...shared.filter(({ path }) => counts(path))];
}

function socketsIn(folder: string, prefix: string): { readonly name: string; readonly path: string }[] {
  return filesOf(folder)
    .filter((file) => file.startsWith(prefix) && file.endsWith(".sock"))
    .map((file) => ({ name: file.slice(prefix.length, -".sock".length), path: `${folder}/${file}` }));
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function exchange(places: SocketPlaces, name: string, text: string): string {
  const path = sockets(places).find((socket) => socket.name === name)?.path;
  if (path === undefined) {
    const why = existsSync(name) ? "it is a file" : "there is no socket of that name";
    throw new AwgError("host", `no engine answers for ${name}: ${why}`, {
      remedy: "awg show interfaces lists those that do",
    });
  }
  const answer = places.unix.exchange({
    path,
    request: new TextEncoder().encode(text),
    terminator: Uint8Array.of(10, 10),
    maxAnswerBytes: MAX_ANSWER_BYTES,
    timeoutMs: ANSWER_TIMEOUT_MS,
    checkPeer: ({ uid }) => {
      if (uid === 0 || uid === process.geteuid?.()) return;
      throw new AwgError("permission", `${path} belongs to user ${uid}, who is not to see keys; nothing was sent`);
    },
  });
  return new TextDecoder().decode(answer);
}

async function resolveEndpoint(text: string): Promise<string> {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (match === null || host === undefined || Number(match[3]) > 65_535) {
    throw new AwgError("usage", `endpoint "${text}" is not host:port`, {
      remedy: "write 192.0.2.1:51820 or [2001:db8::1]:51820",
    });
  }
  try {
    const { address, family } = await lookup(host);
    return family === 6 ? `[${address}]:${match[3]}` : `${address}:${match[3]}`;
  } catch {
    throw new AwgError("host", `endpoint ${host} has no address`, { remedy: "check the name, or give the address" });
  }
}
