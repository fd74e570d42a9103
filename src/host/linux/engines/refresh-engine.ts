import { ENGINE_MARK } from "../../../model/ownership.ts";
import { controlSockets } from "../../../native/linux/process/engine-sockets.ts";
import { beginUnixExchange } from "../../../native/linux/process/unix-exchange.ffi.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { renderEndpointRefresh, renderHandshakeRequest, renderNewHandshake } from "../../../uapi/peer-refresh.ts";
import { parseUapiDevice, UAPI_GET, type UapiDevice } from "../../../uapi/reply.ts";

const TIMEOUT_MS = 2000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Sets the peers' endpoints again in the engine of a device, which clears their cached source addresses. */
export async function refreshEndpoints(keeperFolder: string, device: string): Promise<void> {
  await update(keeperFolder, device, (state) => renderEndpointRefresh(state, hasRoute));
}

/** Has the engine of a device request handshakes from its peers; `anew`: even within a session. */
export async function requestHandshakes(keeperFolder: string, device: string, anew: boolean): Promise<void> {
  await update(keeperFolder, device, anew ? renderNewHandshake : renderHandshakeRequest);
}

/** Sends each engine of the device one `set` rendered from its own state. */
async function update(
  keeperFolder: string,
  device: string,
  render: (state: UapiDevice) => string | undefined,
): Promise<void> {
  for (const { path } of controlSockets(keeperFolder, device)) {
    const request = render(parseUapiDevice(await ask(path, UAPI_GET)));
    if (request !== undefined) await ask(path, request);
  }
}

/** Whether the kernel has a route for the engines' own packets to an endpoint. */
export function hasRoute(endpoint: string): boolean {
  const destination = endpoint.slice(0, endpoint.lastIndexOf(":")).replace(/^\[|\]$/g, "");
  using netlink = openRouteNetlink();
  const decision = netlink.decideRoute({ destination, mark: ENGINE_MARK });
  return "route" in decision && (decision.route.type === "unicast" || decision.route.type === "local");
}

async function ask(path: string, request: string): Promise<string> {
  using asked = beginUnixExchange({
    path,
    request: new TextEncoder().encode(request),
    terminator: Uint8Array.of(10, 10),
    maxAnswerBytes: MAX_ANSWER_BYTES,
    timeoutMs: TIMEOUT_MS,
  });
  return new TextDecoder().decode(await asked.receiveLater());
}
