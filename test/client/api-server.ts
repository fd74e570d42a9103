import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../support/folder.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A real HTTP server on a unix socket and on the loopback that counts the answers under way. */
export class ApiServer {
  readonly socket: string;
  /** Requests so far, as `GET /api/events`. */
  readonly requests: string[] = [];
  readonly resumedAfter: (string | undefined)[] = [];
  open = 0;
  answer: Answer;
  #servers: Server[] = [];
  #port = 0;

  constructor(name: string, answer: Answer) {
    this.socket = join(temporaryFolder(name), "awg.sock");
    this.answer = answer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    for (const place of [{ path: this.socket }, { host: "127.0.0.1", port: this.#port }]) {
      const server = createServer((request, response) => this.#answer(request, response));
      this.#servers.push(server);
      await new Promise<void>((resolve) => server.listen(place, resolve));
      if (!("path" in place)) this.#port = (server.address() as AddressInfo).port;
    }
  }

  /** Cuts every connection. */
  async stop(): Promise<void> {
    for (const server of this.#servers.splice(0)) {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(`${request.method} ${request.url}`);
    if (request.url === "/api/events") this.resumedAfter.push(request.headers["last-event-id"] as string | undefined);
    this.open += 1;
    response.once("close", () => {
      this.open -= 1;
    });
    this.answer(request, response);
  }
}

export const STREAM = { "Content-Type": "text/event-stream" };

/** Writes parts one by one, each in a packet of its own as far as the kernel lets. */
export async function writeApart(response: ServerResponse, parts: readonly Uint8Array[]): Promise<void> {
  response.socket?.setNoDelay(true);
  for (const part of parts) {
    response.write(part);
    await sleep(0);
  }
}
