import { rmSync } from "node:fs";
import { createServer } from "node:net";
import type { RelayState } from "../model/relay/proxy.ts";

/** A relay's state and the identity of its settings. */
export type RelayReport = RelayState & { readonly identity: string };

/** Reports the state to each connection on a unix socket as one line of JSON, then closes it. */
export async function serveState(path: string, read: () => RelayReport): Promise<Disposable> {
  rmSync(path, { force: true });
  const server = createServer((client) => {
    client.on("error", () => {});
    client.end(`${JSON.stringify(read())}\n`);
  });
  server.maxConnections = 16;
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(path, resolve);
    });
  } finally {
    process.umask(mask);
  }
  return { [Symbol.dispose]: () => server.close() };
}
