import { bytesToHex, keyFromBase64 } from "./key-text.ts";
import type { UapiDevice, UapiPeer } from "./reply.ts";

/** Any positive interval; it stands no longer than the `set` it comes in. */
const PROBE_SECONDS = 25;

/**
 * The `set` that tells an engine its peers' endpoints again; undefined where no peer has one. A peer that may be at several
 * and is at one to which the machine has no way (a network that took one IP version away) is told one that it has a way to:
 * its session goes on there, and the other end follows. Pure.
 *
 * @param hasWay whether the engine's packets to an endpoint ("192.0.2.1:51820") would leave the machine
 */
export function renderEndpointRefresh(
  device: Pick<UapiDevice, "peers">,
  hasWay: (endpoint: string) => boolean = () => true,
): string | undefined {
  return renderTouch(device, ({ endpoint, endpoints = [] }) => {
    if (endpoint === undefined) return [];
    const stays = endpoints.length === 0 || hasWay(endpoint);
    return [[`endpoint=${stays ? endpoint : (endpoints.find(hasWay) ?? endpoint)}`]];
  });
}

/**
 * The `set` that makes an engine send to its peers at once: a keepalive interval that becomes positive does (wireguard-go
 * device/uapi.go), and the same `set` puts the interval back, so nobody sees another. A peer that has an interval is asked by
 * its engine anyway. Undefined where nobody is to be asked. Pure.
 */
export function renderHandshakeRequest(device: Pick<UapiDevice, "peers">): string | undefined {
  return renderTouch(device, ({ endpoint, persistentKeepaliveSeconds }) =>
    endpoint === undefined || persistentKeepaliveSeconds > 0
      ? []
      : [[`persistent_keepalive_interval=${PROBE_SECONDS}`], ["persistent_keepalive_interval=0"]],
  );
}

/** Lines for each peer, one block after the other, in one `set` for the device; a peer that is gone is not made again. */
function renderTouch(
  { peers }: Pick<UapiDevice, "peers">,
  blocksOf: (peer: UapiPeer) => readonly (readonly string[])[],
): string | undefined {
  const lines = peers.flatMap((peer) =>
    blocksOf(peer).flatMap((block) => [`public_key=${hexOf(peer.publicKey)}`, "update_only=true", ...block]),
  );
  return lines.length === 0 ? undefined : `set=1\n${lines.join("\n")}\n\n`;
}

function hexOf(publicKey: string): string {
  return bytesToHex(keyFromBase64(publicKey) ?? new Uint8Array());
}
