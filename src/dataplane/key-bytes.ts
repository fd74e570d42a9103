import { keyCopy } from "../engine/crypto/kdf.ts";
import type { DeviceSettings, PlaneRequest, ToWorker } from "./contract.ts";

/** The private and preshared keys of a tunnel. */
export function keysOf({ privateKey, peers }: Pick<DeviceSettings, "privateKey" | "peers">): Uint8Array[] {
  return [privateKey, ...peers.flatMap(({ presharedKey }) => presharedKey ?? [])];
}

/** Zeroes keys in place. */
export function wipeKeys(keys: Iterable<Uint8Array>): void {
  for (const key of keys) key.fill(0);
}

/** The settings in a request, if any. */
export function settingsIn(request: PlaneRequest): DeviceSettings | undefined {
  return request.verb === "add" || request.verb === "configure" ? request.settings : undefined;
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
  const settingsApart = <T extends DeviceSettings>(settings: T): T => ({
    ...settings,
    privateKey: apart(settings.privateKey),
    peers: settings.peers.map(({ presharedKey, ...peer }) =>
      presharedKey === undefined ? peer : { ...peer, presharedKey: apart(presharedKey) },
    ),
  });
  if (request.verb === "add")
    return { message: { id, request: { ...request, settings: settingsApart(request.settings) } }, keys };
  if (request.verb === "configure")
    return { message: { id, request: { ...request, settings: settingsApart(request.settings) } }, keys };
  return { message, keys };
}
