import { createSocket, type Socket } from "node:dgram";
import { afterEach, describe, expect, it } from "vitest";
import { resolveByBootstrap } from "../../../../src/host/darwin/facts/bootstrap-query.ts";
import { RECORD } from "../../../../src/model/dns/question.ts";
import { message, name, record } from "../../../model/dns/dns-bytes.ts";

const servers: Socket[] = [];

afterEach(() => {
  for (const one of servers.splice(0)) one.close();
});

/** A name server on loopback that knows one address of each family. */
async function server(): Promise<number> {
  const socket = createSocket("udp4");
  servers.push(socket);
  socket.on("message", (asked, from) => {
    const id = asked.readUInt16BE(0);
    const type = asked.readUInt16BE(asked.length - 4) as typeof RECORD.a | typeof RECORD.aaaa;
    const address = type === RECORD.a ? [192, 0, 2, 7] : [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 7];
    const answer = message({ id, name: "vpn.example.com", type }, [record(name("vpn.example.com"), type, address)]);
    socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((bound) => socket.bind(0, "127.0.0.1", bound));
  return socket.address().port;
}

describe("questions about endpoints on a Mac", () => {
  it("go out by sockets that are bound to the uplink before they are sent", async () => {
    const port = await server();
    const bound: [number, number][] = [];
    const bind = (fd: number, family: number) => bound.push([fd, family]);
    const query = { servers: ["127.0.0.1"], bind, port };
    expect(await resolveByBootstrap("vpn.example.com", query)).toEqual(["2001:db8::7", "192.0.2.7"]);
    expect(bound).toEqual([
      [expect.any(Number), 4],
      [expect.any(Number), 4],
    ]);
    expect(bound.every(([fd]) => fd > 2)).toBe(true);
  });

  it("are not sent at all by a socket that could not be bound", async () => {
    const port = await server();
    const refuse = () => {
      throw new Error("no way out");
    };
    expect(await resolveByBootstrap("vpn.example.com", { servers: ["127.0.0.1"], bind: refuse, port })).toEqual([]);
  });

  it("about what is no name are not asked", async () => {
    expect(await resolveByBootstrap("..", { servers: ["127.0.0.1"], bind: () => {}, port: 9 })).toEqual([]);
  });
});
