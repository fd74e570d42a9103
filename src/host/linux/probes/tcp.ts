import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, Socket } from "node:net";
import { closeDescriptor } from "../../../native/linux/libc.ffi.ts";
import { isConnected, openConnection, type ProbedAddress } from "../../../native/linux/packet-io/probe-socket.ffi.ts";
import type { Deadline, Found } from "./deadline.ts";

/** Whether the target takes a connection. */
export async function connectTcp(to: ProbedAddress, deadline: Deadline): Promise<Found> {
  const fd = openConnection(to);
  try {
    return (await isOpen(fd, deadline)) ? undefined : deadline.tooLate;
  } finally {
    closeDescriptor(fd);
  }
}

/** Whether a GET is answered with 2xx; a redirection is what captive portals answer, so it is not followed. */
export async function askHttp(to: ProbedAddress, url: string, deadline: Deadline): Promise<Found> {
  const fd = openConnection(to);
  let socket: Socket | undefined;
  try {
    if (!(await isOpen(fd, deadline))) return deadline.tooLate;
    socket = new Socket({ fd });
    const status = await deadline.within(statusOf(url, socket));
    if (status === undefined) return deadline.tooLate;
    return status >= 200 && status < 300 ? undefined : `answered with HTTP ${status}`;
  } finally {
    if (socket === undefined) closeDescriptor(fd);
    else socket.destroy();
  }
}

async function isOpen(fd: number, deadline: Deadline): Promise<boolean> {
  return (await deadline.until(() => (isConnected(fd) ? true : undefined))) ?? false;
}

async function statusOf(url: string, socket: Socket): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const isSecure = url.startsWith("https:");
  const { connect } = await import("node:tls");
  const { hostname } = new URL(url);
  // RFC 6066 section 3: an address is no server name.
  const named = isIP(hostname.replace(/^\[|\]$/g, "")) === 0 ? { servername: hostname } : {};
  const createConnection = () => (isSecure ? connect({ socket, ...named }) : socket);
  const options = { createConnection, headers: { "user-agent": "awg", connection: "close" } };
  const asked = (isSecure ? requestHttps : requestHttp)(url, options, (response) => {
    response.destroy();
    resolve(response.statusCode ?? 0);
  });
  asked.on("error", reject);
  asked.end();
  return promise;
}
