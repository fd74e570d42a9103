import { wipeKeys } from "../key-bytes.ts";
import type { SetRequest } from "./parse-set.ts";
import type { UapiSettings } from "./uapi-settings.ts";

/** The private key, or the preshared key of a peer. */
interface SecretKey {
  readonly peer: string | undefined;
  readonly key: Uint8Array;
}

/** The keys that a `set` may leave unused: those that it replaces, and those that it contains. */
export function keysOf(held: UapiSettings, request: SetRequest): readonly SecretKey[] {
  const keys: SecretKey[] = [];
  const add = (key: Uint8Array | undefined, peer?: string) => {
    if (key !== undefined) keys.push({ peer, key });
  };
  add(held.privateKey);
  add(request.privateKey);
  if (request.replacePeers) for (const [peer, { presharedKey }] of held.peers) add(presharedKey, peer);
  for (const { key: peer, presharedKey } of request.peers) {
    add(presharedKey, peer);
    if (!request.replacePeers) add(held.peers.get(peer)?.presharedKey, peer);
  }
  return keys;
}

/** Zeroes those of the keys that are not in the settings. */
export function wipeUnusedKeys(held: UapiSettings, keys: readonly SecretKey[]): void {
  for (const { peer, key } of keys) {
    const used = peer === undefined ? held.privateKey : held.peers.get(peer)?.presharedKey;
    if (used !== key) wipeKeys([key]);
  }
}
