import { type ClientHttp2Session, connect, constants } from "node:http2";
import { type ConnectedServer, DEFAULT_PORTS } from "../../model/dns/name-server.ts";
import { type AskedQuestion, encodeQuery, readReply, type ServerReply } from "../message.ts";
import type { Connection } from "./connection.ts";
import { identityOf } from "./stream.ts";

const TYPE = "application/dns-message";
const MOST_BYTES = 65_535;
/** RFC 8484 section 4.1: the same for each query, so that caches between can answer. */
const ID = 0;

/** A connection of DNS over HTTPS (RFC 8484) by HTTP/2. */
export class HttpsConnection implements Connection {
  readonly #session: ClientHttp2Session;
  readonly #path: string;
  #replies = 0;

  constructor(server: ConnectedServer, ca: string | undefined) {
    const { address, port = DEFAULT_PORTS.https, path = "/dns-query", name = bracketed(address) } = server;
    this.#path = path;
    const authority = port === DEFAULT_PORTS.https ? name : `${name}:${port}`;
    // The name is for the certificate and the server; what is connected to is the address.
    const target = { host: address, port, ...identityOf(server), ...(ca === undefined ? {} : { ca }) };
    this.#session = connect(`https://${authority}`, target);
    this.#session.on("error", () => this.#session.destroy());
    this.#session.on("goaway", () => this.#session.close());
  }

  get isOpen(): boolean {
    return !this.#session.destroyed && !this.#session.closed;
  }

  get replies(): number {
    return this.#replies;
  }

  async ask(question: AskedQuestion): Promise<ServerReply | undefined> {
    const message = await this.#post(encodeQuery(ID, question, { isPadded: true }));
    return message === undefined ? undefined : readReply(message, ID, question);
  }

  close(): void {
    this.#session.destroy();
  }

  #post(query: Uint8Array): Promise<Buffer | undefined> {
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
    const stream = this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: this.#path,
      [constants.HTTP2_HEADER_ACCEPT]: TYPE,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: TYPE,
      [constants.HTTP2_HEADER_CONTENT_LENGTH]: query.length,
    });
    const chunks: Buffer[] = [];
    let [length, isAnswer] = [0, false];
    stream.on("response", (headers) => {
      this.#replies += 1;
      isAnswer = headers[":status"] === 200 && headers["content-type"] === TYPE;
    });
    stream.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > MOST_BYTES) stream.destroy();
      else chunks.push(chunk);
    });
    stream.on("end", () => resolve(isAnswer ? Buffer.concat(chunks) : undefined));
    stream.on("error", () => resolve(undefined));
    stream.on("close", () => resolve(undefined));
    stream.end(query);
    return promise;
  }
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
