import { createConnection, type Socket } from "node:net";
import { connect } from "node:tls";
import { type ConnectedServer, DEFAULT_PORTS } from "../../model/dns/name-server.ts";
import { type AskedQuestion, encodeQuery, readReply, type ServerReply } from "../message.ts";
import type { Connection } from "./connection.ts";
import { framed, messagesIn } from "./framing.ts";

type Waiting = (message: Buffer | undefined) => void;

/** A connection of DNS over TCP (RFC 7766): queries are sent at once and answered in any order. */
export function tcpConnection({ address, port = DEFAULT_PORTS.tcp }: ConnectedServer): Connection {
  return new StreamConnection(createConnection({ host: address, port }), false);
}

/** The same over TLS (RFC 7858), with padded queries. */
export function tlsConnection(
  { address, port = DEFAULT_PORTS.tls, ...server }: ConnectedServer,
  ca?: string,
): Connection {
  const accepted = ca === undefined ? {} : { ca };
  return new StreamConnection(connect({ host: address, port, ...identityOf(server), ...accepted }), true);
}

class StreamConnection implements Connection {
  readonly #socket: Socket;
  readonly #isPadded: boolean;
  readonly #waiting = new Map<number, Waiting>();
  #received: Buffer = Buffer.alloc(0);
  #next = 0;
  #replies = 0;

  constructor(socket: Socket, isPadded: boolean) {
    this.#socket = socket;
    this.#isPadded = isPadded;
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", () => this.#socket.destroy());
    this.#socket.on("close", () => this.#end());
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  get replies(): number {
    return this.#replies;
  }

  async ask(question: AskedQuestion): Promise<ServerReply | undefined> {
    const id = this.#unusedId();
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
    this.#waiting.set(id, resolve);
    this.#socket.write(framed(encodeQuery(id, question, { isPadded: this.#isPadded })));
    const message = await promise;
    return message === undefined ? undefined : readReply(message, id, question);
  }

  close(): void {
    this.#socket.destroy();
  }

  #unusedId(): number {
    do this.#next = (this.#next + 1) & 0xffff;
    while (this.#waiting.has(this.#next));
    return this.#next;
  }

  #read(chunk: Buffer): void {
    const { messages, rest } = messagesIn(Buffer.concat([this.#received, chunk]));
    this.#received = rest;
    this.#replies += messages.length;
    for (const message of messages) {
      const id = message.length < 2 ? -1 : message.readUInt16BE(0);
      this.#waiting.get(id)?.(message);
      this.#waiting.delete(id);
    }
  }

  #end(): void {
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}

/** The name that the certificate must have; without one, Node checks the address. */
export function identityOf({ name }: Pick<ConnectedServer, "name">): { readonly servername?: string } {
  return name === undefined ? {} : { servername: name };
}
