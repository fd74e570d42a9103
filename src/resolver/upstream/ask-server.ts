import { readFileSync } from "node:fs";
import { type ConnectedServer, type NameServer, serverText } from "../../model/dns/name-server.ts";
import { type NameService, serversOf } from "../../model/dns/name-service.ts";
import { AwgError, messageOf } from "../../model/error.ts";
import type { AskedQuestion, ServerReply } from "../message.ts";
import { ServerConnection } from "./connection.ts";
import { HttpsConnection } from "./https.ts";
import { askPlain } from "./plain.ts";
import { tcpConnection, tlsConnection } from "./stream.ts";

/** Queries one server; undefined if it does not answer in time. */
export type AskServer = (server: NameServer, question: AskedQuestion) => Promise<ServerReply | undefined>;

/**
 * Queries the servers of a service, each by its protocol. Reads the files of authorities at once, because the resolver
 * gives up its rights next.
 *
 * @throws AwgError host if such a file cannot be read
 */
export function serverClient(service: NameService): AskServer {
  const connected = serversOf(service).filter((one) => typeof one !== "string");
  const connections = new Map(connected.map((server) => [JSON.stringify(server), connectionTo(server)]));
  return async (server, question) =>
    typeof server === "string" ? askPlain(server, question) : connections.get(JSON.stringify(server))?.ask(question);
}

function connectionTo(server: ConnectedServer): ServerConnection {
  const ca = server.ca === undefined ? undefined : readAuthorities(server.ca, server);
  return new ServerConnection(() => {
    if (server.protocol === "tcp") return tcpConnection(server);
    return server.protocol === "tls" ? tlsConnection(server, ca) : new HttpsConnection(server, ca);
  });
}

function readAuthorities(path: string, server: ConnectedServer): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new AwgError("host", `the authorities of ${serverText(server)} cannot be read: ${messageOf(error)}`, {
      remedy: "correct ca in dns.servers",
    });
  }
}
