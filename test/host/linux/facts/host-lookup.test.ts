import { createSocket, type Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { resolveHosts } from "../../../../src/host/linux/facts/host-lookup.ts";

const ROOT = { uid: 0, gid: 0 };
const NOBODY_KNOWN = { servers: [], search: [] };
const isRoot = process.getuid?.() === 0 && process.platform === "linux";

let server: Socket | undefined;
afterEach(() => {
  server?.close();
  server = undefined;
});

/** Answers each A query with 192.0.2.77 and each other with nothing (RFC 1035 section 4.1); tells who asked. */
async function serve(onQuery: (port: number, name: string) => void): Promise<string> {
  const socket = createSocket("udp4");
  server = socket;
  socket.on("message", (query, from) => {
    onQuery(from.port, nameIn(query));
    const end = query.indexOf(0, 12) + 5;
    const isAddress = query.readUInt16BE(end - 4) === 1;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8180, 2);
    header.writeUInt16BE(isAddress ? 1 : 0, 6);
    header.writeUInt32BE(0, 8);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 77]);
    socket.send(
      Buffer.concat([header, query.subarray(12, end), ...(isAddress ? [answer] : [])]),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return `127.0.0.1:${socket.address().port}`;
}

/** The queried name (RFC 1035 section 4.1.2). */
function nameIn(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query[at] !== 0 && at < query.length; at += 1 + (query[at] ?? 0)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + (query[at] ?? 0)));
  }
  return labels.join(".");
}

/** The uid of the socket bound to a local UDP port (proc(5), /proc/net/udp). */
function uidOfPort(port: number): number | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const line = readFileSync("/proc/net/udp", "utf8")
    .split("\n")
    .find((text) => new RegExp(`^ *[0-9]+: [0-9A-F]{8}:${hex} `).test(text));
  return line === undefined ? undefined : Number(line.trim().split(/\s+/)[7]);
}

test("addresses resolve to themselves without a query", async () => {
  const hosts = ["192.0.2.1", "2001:db8::1"];
  expect(await resolveHosts(hosts, { bootstrap: ["192.0.2.53"], host: NOBODY_KNOWN, user: ROOT })).toEqual({
    "192.0.2.1": ["192.0.2.1"],
    "2001:db8::1": ["2001:db8::1"],
  });
});

test("the bootstrap server is asked first", async () => {
  const bootstrap = [await serve(() => {})];
  expect(await resolveHosts(["vpn.example"], { bootstrap, host: NOBODY_KNOWN, user: ROOT })).toEqual({
    "vpn.example": ["192.0.2.77"],
  });
});

test.skipIf(!isRoot)("law 1: its sockets have our own user's uid (needs root)", async () => {
  const uids: (number | undefined)[] = [];
  const bootstrap = [await serve((port) => uids.push(uidOfPort(port)))];
  const user = { uid: 64990, gid: 64990 };
  expect(await resolveHosts(["vpn.example"], { bootstrap, host: NOBODY_KNOWN, user })).toEqual({
    "vpn.example": ["192.0.2.77"],
  });
  expect(uids.length).toBeGreaterThan(0);
  expect(new Set(uids)).toEqual(new Set([64990]));
});

test("without bootstrap servers, hosts(5) comes first, then the host's own servers with its search domains", async () => {
  const asked: string[] = [];
  const servers = [await serve((_, name) => asked.push(name))];
  const host = { servers, search: ["corp.example"] };
  const found = await resolveHosts(["localhost", "vpn"], { bootstrap: [], host, user: ROOT });
  expect(found).toEqual({ localhost: expect.arrayContaining(["127.0.0.1"]), vpn: ["192.0.2.77"] });
  expect(new Set(asked)).toEqual(new Set(["vpn.corp.example"]));
});

test("where no server is known the C library is asked", async () => {
  const found = await resolveHosts(["no-such-host.invalid"], { bootstrap: [], host: NOBODY_KNOWN, user: ROOT });
  expect(found).toEqual({});
});

test.skipIf(!isRoot)("silent servers take no more than 5 s in all (needs root)", { timeout: 15_000 }, async () => {
  const silent = createSocket("udp4");
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", resolve));
  const servers = Array.from({ length: 6 }, () => `127.0.0.1:${silent.address().port}`);
  const beganMs = performance.now();
  const found = await resolveHosts(["vpn.example"], { bootstrap: [], host: { servers, search: [] }, user: ROOT });
  silent.close();
  expect(found).toEqual({});
  expect(performance.now() - beganMs).toBeLessThan(5_500);
});
