import { once } from "node:events";
import { chmodSync, chownSync } from "node:fs";
import type { Server } from "node:net";

/** A unix socket to which root and one group may connect. */
export interface SocketFile {
  readonly path: string;
  /** Root alone when absent. */
  readonly gid?: number;
}

/** The server, listening on a new socket. The kernel refuses all others, from its first moment on. */
export async function listenOn(server: Server, { path, gid }: SocketFile): Promise<Server> {
  const listening = once(server, "listening");
  // Node binds within this call (Node's lib/net.js, setupListenHandle).
  const umask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(umask);
  }
  await listening;
  if (gid !== undefined) openTo(path, gid);
  return server;
}

function openTo(path: string, gid: number): void {
  try {
    chownSync(path, -1, gid);
    chmodSync(path, 0o660);
  } catch {
    // A group that this user namespace does not map (chown(2)); none of its processes has it.
  }
}
