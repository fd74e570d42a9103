import { execFileSync } from "node:child_process";
import { createSecureServer } from "node:http2";
import { createServer as createTcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { decode, encode } from "dns-packet";
import { framed, messagesIn } from "../../../src/resolver/upstream/framing.ts";

/** A certificate for a name, signed by itself, and its key: files in a folder. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Makes a certificate with these alternative names: `DNS:a.example,IP:192.0.2.1`. */
export function makeCertificate(folder: string, names: string): Certificate {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=test", "-addext", `subjectAltName=${names}`, "-days", "2"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
  return { key, cert };
}

/** What a server saw. */
export interface ServerLog {
  connections: number;
  /** Names asked, in order, and bytes of each query. */
  readonly asked: { readonly name: string; readonly bytes: number }[];
  readonly sockets: Set<Socket>;
}

/** Answers every A query with this address; `silent.*` never. */
export function answerTo(query: Buffer, address: string, log: ServerLog): Buffer | undefined {
  const { id = 0, questions = [] } = decode(query);
  const { name = "", type = "A" } = questions[0] ?? {};
  log.asked.push({ name, bytes: query.length });
  if (name.startsWith("silent.")) return undefined;
  const answers = type === "A" ? [{ type, name, data: address, ttl: 30 } as const] : [];
  return encode({ type: "response", id, questions, answers });
}

interface Pem {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** A server of DNS over TCP; answers the later of two queries first. */
export function tcpServer(address: string, log: ServerLog) {
  return createTcpServer((socket) => serveStream(socket, address, log));
}

/** The same over TLS. */
export function tlsServer(pem: Pem, address: string, log: ServerLog) {
  return createServer(pem, (socket) => serveStream(socket, address, log));
}

function serveStream(socket: Socket, address: string, log: ServerLog): void {
  log.connections += 1;
  log.sockets.add(socket);
  let received: Buffer = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    const { messages, rest } = messagesIn(Buffer.concat([received, chunk]));
    received = rest;
    for (const query of messages.toReversed()) {
      const reply = answerTo(query, address, log);
      if (reply !== undefined) socket.write(framed(reply));
    }
  });
}

/** A server of DNS over HTTPS. */
export function httpsServer(pem: Pem, address: string, log: ServerLog) {
  const server = createSecureServer(pem);
  server.on("secureConnection", (socket: TLSSocket) => {
    log.connections += 1;
    log.sockets.add(socket);
  });
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const isQuery = headers[":method"] === "POST" && headers["content-type"] === "application/dns-message";
      const reply = isQuery ? answerTo(Buffer.concat(chunks), address, log) : undefined;
      if (!isQuery || headers[":path"] !== "/dns-query") stream.respond({ ":status": 404 }, { endStream: true });
      else if (reply !== undefined) {
        stream.respond({ ":status": 200, "content-type": "application/dns-message" });
        stream.end(reply);
      }
    });
  });
  return server;
}
