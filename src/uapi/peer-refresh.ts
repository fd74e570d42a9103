import { bytesToHex, keyFromBase64 } from "./key-text.ts";
import type { UapiDevice, UapiPeer } from "./reply.ts";

/** Any positive interval; it lasts no longer than its `set`. */
const PROBE_SECONDS = 25;
/** Awg's own engine: shake hands now. */
const HANDSHAKE = "awg_handshake=true";

/**
 * The `set` that gives an engine its peers' endpoints again; undefined if no peer has one. Pure.
 *
 * Awg's own engine chooses among several endpoints by itself, and may choose another before this `set` arrives. It gets one
 * only if the current one has no route (the network lost one IP version); its session continues there, and the peer follows.
 * Otherwise it shakes hands where it is.
 *
 * @param hasRoute whether the host has a route for the engine's packets to an endpoint ("192.0.2.1:51820")
 */
export function renderEndpointRefresh(
  device: Pick<UapiDevice, "peers">,
  hasRoute: (endpoint: string) => boolean = () => true,
): string | undefined {
  return renderTouch(device, ({ endpoint, endpoints = [] }) => {
    if (endpoint === undefined) return [];
    if (endpoints.length === 0) return [[`endpoint=${endpoint}`]];
    const next = hasRoute(endpoint) ? undefined : endpoints.find(hasRoute);
    return [next === undefined ? [HANDSHAKE] : [`endpoint=${next}`]];
  });
}

/**
 * The `set` that makes an engine send to its peers at once. A keepalive interval that becomes positive does so
 * (wireguard-go device/uapi.go); the same `set` restores the interval. A peer with an interval is contacted by its
 * engine anyway. Undefined if there is no peer to contact. Pure.
 */
export function renderHandshakeRequest(device: Pick<UapiDevice, "peers">): string | undefined {
  return renderTouch(device, ({ endpoint, persistentKeepaliveSeconds }) =>
    endpoint === undefined || persistentKeepaliveSeconds > 0
      ? []
      : [[`persistent_keepalive_interval=${PROBE_SECONDS}`], ["persistent_keepalive_interval=0"]],
  );
}

/**
 * The `set` that makes awg's own engine shake hands with its peers now, also within a session, which continues. The
 * reply proves that a peer answers. Undefined if there is no peer to contact. Pure.
 */
export function renderNewHandshake(device: Pick<UapiDevice, "peers">): string | undefined {
  return renderTouch(device, ({ endpoint }) => (endpoint === undefined ? [] : [[HANDSHAKE]]));
}

/** One block of lines for each peer, in one `set` for the device; a removed peer is not created again. */
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
