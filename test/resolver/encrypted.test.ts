import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type ConnectedServer, SERVER_PROTOCOLS } from "../../src/model/dns/name-server.ts";
import { serverClient } from "../../src/resolver/upstream/ask-server.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle } from "../support/netns.ts";
import {
  type Certificate,
  httpsServer,
  makeCertificate,
  type ServerLog,
  tcpServer,
  tlsServer,
} from "./servers/encrypted-server.ts";

const obstacle = commandObstacle("openssl");
const ANSWER = "198.51.100.7";
const serviceOf = (server: ConnectedServer) => ({
  listen: "127.0.0.97",
  servers: [server],
  sets: [],
  graceSeconds: 0,
});
const asked = (name: string) => ({ id: 1, name, type: "A", mostBytes: 512 });

describe.skipIf(obstacle !== undefined).each(SERVER_PROTOCOLS)("DNS over %s", (protocol) => {
  let certificate: Certificate;
  const servers: { readonly server: Server; readonly log: ServerLog }[] = [];

  beforeAll(() => {
    certificate = makeCertificate(temporaryFolder("certificate"), "DNS:dns.example,IP:127.0.0.1");
  });
  afterEach(() => {
    for (const { server, log } of servers.splice(0)) {
      for (const socket of log.sockets) socket.destroy();
      server.close();
    }
  });

  async function start(port = 0): Promise<{ readonly log: ServerLog; readonly at: ConnectedServer }> {
    const log: ServerLog = { connections: 0, asked: [], sockets: new Set() };
    const pem = { key: readFileSync(certificate.key), cert: readFileSync(certificate.cert) };
    const server =
      protocol === "tcp"
        ? tcpServer(ANSWER, log)
        : protocol === "tls"
          ? tlsServer(pem, ANSWER, log)
          : httpsServer(pem, ANSWER, log);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    servers.push({ server, log });
    const at = { address: "127.0.0.1", protocol, port: (server.address() as AddressInfo).port };
    return { log, at: protocol === "tcp" ? at : { ...at, ca: certificate.cert, name: "dns.example" } };
  }

  const client = (at: ConnectedServer) => {
    const ask = serverClient(serviceOf(at));
    return async (name: string) => {
      const reply = await ask(at, asked(name));
      return reply?.records.map((record) => ("data" in record ? record.data : ""));
    };
  };

  test("many queries take one connection, and encrypted ones have one length", async () => {
    const { log, at } = await start();
    const ask = client(at);
    const names = Array.from({ length: 40 }, (_, index) => `${"n".repeat(index + 1)}.example`);
    expect(await Promise.all(names.map(ask))).toEqual(names.map(() => [ANSWER]));
    expect(await ask("later.example")).toEqual([ANSWER]);
    expect(log.connections).toBe(1);
    const lengths = new Set(log.asked.map(({ bytes }) => bytes));
    if (protocol === "tcp") expect(lengths.size).toBeGreaterThan(30);
    else expect(lengths).toEqual(new Set([128]));
  });

  if (protocol !== "tcp")
    test("a certificate of another name, or of an unknown authority, gets no query; an address is a name, too", async () => {
      const { log, at } = await start();
      const { ca: _, ...untrusted } = at;
      expect(await client({ ...at, name: "other.example" })("a.example")).toBe(undefined);
      expect(await client(untrusted)("a.example")).toBe(undefined);
      expect(log.asked).toEqual([]);
      const { name: __, ...byAddress } = at;
      expect(await client(byAddress)("a.example")).toEqual([ANSWER]);
    });

  if (protocol !== "tcp")
    test("a connection that the server closed is opened again, and one that is silent too", async () => {
      const { log, at } = await start();
      const ask = client(at);
      expect(await ask("a.example")).toEqual([ANSWER]);
      for (const socket of log.sockets) socket.end();
      expect(await ask("b.example")).toEqual([ANSWER]);
      expect(log.connections).toBe(2);
      const beside = [ask("silent.example"), ask("c.example")];
      expect(await Promise.all(beside)).toEqual([undefined, [ANSWER]]);
      expect(log.connections).toBe(2);
      expect(await ask("silent.example")).toBe(undefined);
      expect(log.connections).toBe(3);
      expect(await ask("d.example")).toEqual([ANSWER]);
    });

  test("a server that is not there gives no answer", async () => {
    const { at } = await start();
    servers[0]?.server.close();
    expect(await client(at)("a.example")).toBe(undefined);
  });
});

test("authorities that cannot be read are a fault of the host", () => {
  const server = { address: "192.0.2.1", protocol: "tls", ca: "/nowhere/ca.pem" } as const;
  expect(() => serverClient(serviceOf(server))).toThrow(/authorities of tls:\/\/192\.0\.2\.1 cannot be read/);
});
