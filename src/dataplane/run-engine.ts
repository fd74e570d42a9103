import { messageOf } from "../model/error.ts";
import { bytesToBase64 } from "../model/uapi/key-text.ts";
import { openRouteNetlink } from "../native/linux/rtnetlink/route-netlink.ffi.ts";
import type { PlaneEvent } from "./contract.ts";
import { startDataPlane } from "./data-plane.ts";
import { serveUapi } from "./uapi/uapi-server.ts";
import { UapiSession } from "./uapi/uapi-session.ts";

/** How often the device's MTU is looked at. */
const LOOK_MS = 5000;
const USUAL_MTU = 1420;

export interface EngineProcess {
  readonly device: string;
  /** An open descriptor of the TUN device. */
  readonly tunFd: number;
  /** A listening unix socket for the UAPI. */
  readonly uapiFd: number;
  /** Whose identity the tunnel's sockets bear; this process's own by default. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** The file that the packet thread runs. */
  readonly program: string;
  /** A line for the log. */
  readonly report: (line: string) => void;
}

/**
 * The embedded engine as a process: one tunnel, its packets on a thread of their own, its UAPI on this one. It takes its
 * descriptors as wireguard-go does, so that the keeper looks after both alike.
 *
 * @returns the reason it ended: its device is gone, or its packet thread failed
 */
export async function runEngine({ device, tunFd, uapiFd, user, program, report }: EngineProcess): Promise<string> {
  const { promise: end, resolve } = Promise.withResolvers<string>();
  const onEvent = (event: PlaneEvent) => {
    report(eventText(event));
    if (event.kind === "crashed") resolve(`the packet thread ended: ${event.reason}`);
    if (event.kind === "device-gone") resolve(`the device ${device} is gone (${event.errno})`);
  };
  const plane = await startDataPlane({ program, onEvent });
  const surroundings = () => ({ mtuBytes: readMtu(device), ...(user === undefined ? {} : { user }) });
  const session = new UapiSession({ device, tunFd, plane, surroundings, report });
  const server = serveUapi(uapiFd, session);
  let mtu = readMtu(device);
  const timer = setInterval(() => {
    if (readMtu(device) === mtu) return;
    mtu = readMtu(device);
    session.refresh().catch((error: unknown) => report(messageOf(error)));
  }, LOOK_MS);
  const reason = await end;
  clearInterval(timer);
  server.close();
  await plane.stop();
  return reason;
}

/** The device's MTU; WireGuard's usual one while there is no device. */
function readMtu(device: string): number {
  using netlink = openRouteNetlink();
  return netlink.link(device)?.mtu ?? USUAL_MTU;
}

/** Public keys are shortened as wireguard-go shortens them. */
function eventText(event: PlaneEvent): string {
  const peer = "publicKey" in event ? ` peer ${bytesToBase64(event.publicKey).slice(0, 4)}…` : "";
  const errno = "errno" in event ? ` ${event.errno}` : "";
  return `${event.kind}${peer}${errno}`;
}
