import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, Socket } from "node:net";
import type { Deadline, Found } from "./deadline.ts";
import type { ProbedAddress, ProbeSockets } from "./probe-sockets.ts";

/** Whether the target accepts a connection. */
export async function connectTcp(sockets: ProbeSockets, to: ProbedAddress, deadline: Deadline): Promise<Found> {
  const fd = sockets.openConnection(to);
  try {
    return (await isOpen(sockets, fd, deadline)) ? undefined : deadline.tooLate;
  } finally {
    sockets.close(fd);
  }
}

/** Whether a GET gets a 2xx response. Redirects are not followed: captive portals answer with them. */
export async function askHttp(
  sockets: ProbeSockets,
  { url, ...to }: ProbedAddress & { readonly url: string },
  deadline: Deadline,
): Promise<Found> {
  const fd = sockets.openConnection(to);
  let socket: Socket | undefined;
  try {
    if (!(await isOpen(sockets, fd, deadline))) return deadline.tooLate;
    socket = new Socket({ fd });
    const status = await deadline.within(statusOf(url, socket));
    if (status === undefined) return deadline.tooLate;
    return status >= 200 && status < 300 ? undefined : `answered with HTTP ${status}`;
  } finally {
    if (socket === undefined) sockets.close(fd);
    else socket.destroy();
  }
}

async function isOpen(sockets: ProbeSockets, fd: number, deadline: Deadline): Promise<boolean> {
  return (await deadline.until(() => (sockets.isConnected(fd) ? true : undefined))) ?? false;
}

async function statusOf(url: string, socket: Socket): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const isSecure = url.startsWith("https:");
  const { connect } = await import("node:tls");
  const { hostname } = new URL(url);
  // RFC 6066 section 3: an address is not a server name.
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
