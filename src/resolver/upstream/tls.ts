import { connect, type TLSSocket } from "node:tls";
import { DEFAULT_PORTS, type EncryptedServer } from "../../model/dns/name-server.ts";
import { type AskedQuestion, encodeQuery, readReply, type ServerReply } from "../message.ts";
import type { Connection } from "./connection.ts";
import { framed, messagesIn } from "./framing.ts";

type Waiting = (message: Buffer | undefined) => void;

/** A connection of DNS over TLS (RFC 7858): queries are sent at once and answered in any order. */
export class TlsConnection implements Connection {
  readonly #socket: TLSSocket;
  readonly #waiting = new Map<number, Waiting>();
  #received: Buffer = Buffer.alloc(0);
  #next = 0;
  #replies = 0;

  constructor({ address, port = DEFAULT_PORTS.tls, ...server }: EncryptedServer, ca: string | undefined) {
    this.#socket = connect({ host: address, port, ...identityOf(server), ...(ca === undefined ? {} : { ca }) });
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
    this.#socket.write(framed(encodeQuery(id, question, { isPadded: true })));
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
export function identityOf({ name }: Pick<EncryptedServer, "name">): { readonly servername?: string } {
  return name === undefined ? {} : { servername: name };
}
