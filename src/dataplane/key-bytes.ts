import { keyCopy } from "../engine/crypto/kdf.ts";
import type { DeviceSettings, PeerSettings, PlaneRequest, ToWorker } from "./contract.ts";

/** Zeroes keys in place. */
export function wipeKeys(keys: Iterable<Uint8Array>): void {
  for (const key of keys) key.fill(0);
}

/** The private and preshared keys in a request; changes of peers whole. */
export function keysIn(request: PlaneRequest): Uint8Array[] {
  if (request.verb === "change-peers") return [request.changes];
  if (request.verb !== "add" && request.verb !== "configure") return [];
  const { privateKey, peers = [] } = request.settings;
  return [privateKey, ...peers.flatMap(({ presharedKey }) => presharedKey ?? [])];
}

/**
 * The message with copies of its keys, each in a separate buffer that is transferred to the other thread: copies made
 * by postMessage are never zeroed.
 */
export function withKeysApart(message: ToWorker): { readonly message: ToWorker; readonly keys: ArrayBuffer[] } {
  const { id, request } = message;
  const keys: ArrayBuffer[] = [];
  const apart = (key: Uint8Array) => {
    const copy = keyCopy(key);
    keys.push(copy.buffer);
    return copy;
  };
  const peerApart = ({ presharedKey, ...peer }: PeerSettings): PeerSettings =>
    presharedKey === undefined ? peer : { ...peer, presharedKey: apart(presharedKey) };
  const settingsApart = <T extends DeviceSettings>(settings: T): T => ({
    ...settings,
    privateKey: apart(settings.privateKey),
    ...(settings.peers === undefined ? {} : { peers: settings.peers.map(peerApart) }),
  });
  if (request.verb === "change-peers") return { message, keys: [request.changes.buffer] };
  if (request.verb === "add")
    return { message: { id, request: { ...request, settings: settingsApart(request.settings) } }, keys };
  if (request.verb === "configure")
    return { message: { id, request: { ...request, settings: settingsApart(request.settings) } }, keys };
  return { message, keys };
}
