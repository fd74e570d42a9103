import type { PeerObserved, TunnelObserved } from "../model/resources/tunnel.ts";
import type { SecretId } from "../model/secret.ts";
import { keyFromHex } from "./key-text.ts";
import { normalizeObfuscation, SECRET_OBFUSCATION_KEY } from "./obfuscation.ts";
import type { UapiDevice, UapiPeer } from "./reply.ts";

type IdOf = (bytes: Uint8Array) => SecretId;

/** What is known of an engine besides its own reply. */
export interface EngineIdentity {
  readonly device: string;
  readonly protocol: TunnelObserved["protocol"];
  readonly engine: TunnelObserved["engine"];
  readonly socket?: string;
}

/** The observed tunnel of a device's state; secrets become ids. Peers are sorted by public key, prefixes as text. */
export function observedFromUapi(device: UapiDevice, identity: EngineIdentity, idOf: IdOf): TunnelObserved {
  return {
    ...identity,
    running: true,
    ...(device.wire === undefined ? {} : { wire: device.wire }),
    privateKey: device.privateKey === undefined ? undefined : idOf(device.privateKey),
    listenPort: device.listenPort,
    fwmark: device.fwmark,
    obfuscation: obfuscationFromUapi(device.obfuscation, idOf),
    peers: device.peers.map((peer) => peerFromUapi(peer, idOf)).sort(byPublicKey),
  };
}

/** A tunnel with a device and an engine that does not answer. */
export function silentTunnel(identity: EngineIdentity): TunnelObserved {
  return {
    ...identity,
    running: false,
    privateKey: undefined,
    listenPort: 0,
    fwmark: 0,
    obfuscation: {},
    peers: [],
  };
}

function peerFromUapi({ presharedKey, ...peer }: UapiPeer, idOf: IdOf): PeerObserved {
  return {
    ...peer,
    allowedIPs: [...peer.allowedIPs].sort(),
    ...(presharedKey === undefined ? {} : { presharedKey: idOf(presharedKey) }),
  };
}

function obfuscationFromUapi(values: Readonly<Record<string, string>>, idOf: IdOf): Readonly<Record<string, string>> {
  const { [SECRET_OBFUSCATION_KEY]: secret, ...open } = values;
  const key = secret === undefined ? undefined : keyFromHex(secret);
  return normalizeObfuscation(key === undefined ? open : { ...open, [SECRET_OBFUSCATION_KEY]: idOf(key) });
}

function byPublicKey(a: PeerObserved, b: PeerObserved): number {
  return a.publicKey < b.publicKey ? -1 : a.publicKey > b.publicKey ? 1 : 0;
}
