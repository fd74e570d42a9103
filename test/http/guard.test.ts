import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLoopbackDoor } from "../../src/http/doors/loopback-door.ts";
import { guardRows } from "./guard-rows.ts";
import { type GuardedDoor, openGuardedDoor, sendRaw, statusOf, wrongRows } from "./guarded-door.ts";

describe("S: the dashboard's door by raw sockets", () => {
  let door: GuardedDoor;
  beforeAll(async () => {
    door = await openGuardedDoor(openLoopbackDoor);
  });
  afterAll(() => door[Symbol.asyncDispose]());

  test("every row of the table gets its answer", async () => {
    expect(await wrongRows(door)).toEqual([]);
    expect(guardRows(door.place).length).toBeGreaterThanOrEqual(200);
  });

  test("a row that is refused reaches nothing behind the guard", async () => {
    const before = door.passed.length;
    const refused = guardRows(door.place).filter(({ expected }) => expected !== 200);
    for (const { text } of refused.slice(0, 50)) await sendRaw(door.place.port, text);
    expect(door.passed.length).toBe(before);
  });

  test("no answer has a CORS header or a cookie; each forbids frames and foreign sources", async () => {
    const answers = await Promise.all(
      guardRows(door.place)
        .filter(({ expected }) => expected !== undefined && ![400, 431].includes(expected))
        .slice(0, 100)
        .map(({ text }) => sendRaw(door.place.port, text)),
    );
    for (const answer of answers) {
      expect(answer).not.toMatch(/^(access-control-|set-cookie)/im);
      if (statusOf(answer) !== 200) expect(answer).toContain("frame-ancestors 'none'");
    }
  });

  test("a code is good once", async () => {
    const { port } = door.place;
    const body = JSON.stringify({ code: door.sessions.newCode() });
    const text = `POST /api/session HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expect([statusOf(await sendRaw(port, text)), statusOf(await sendRaw(port, text))]).toEqual([200, 401]);
  });

  test("1,000 requests on one connection are answered, in order", async () => {
    const { port, token } = door.place;
    const paths = Array.from({ length: 1_000 }, (_, nth) => `/api/${nth}`);
    const head = `Host: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n`;
    const many = paths.map((path) => `GET ${path} HTTP/1.1\r\n${head}\r\n`);
    const last = `GET /api/last HTTP/1.1\r\n${head}Connection: close\r\n\r\n`;
    const answer = await sendRaw(port, [...many, last].join(""), { stayOpen: true });
    expect(answer.match(/HTTP\/1\.1 200 /g)).toHaveLength(1_001);
    expect(door.passed.slice(-1_001)).toEqual([...paths, "/api/last"].map((path) => `GET ${path}`));
  });

  test("a program of another user is cut without an answer", async () => {
    await using stranger = await openGuardedDoor(openLoopbackDoor, () => false);
    const { port, token } = stranger.place;
    expect(await sendRaw(port, statusRequest(port, token))).toBe("");
    expect(stranger.passed).toEqual([]);
  });

  test("a connection without a readable owner is cut, and the door stays open", async () => {
    let isReadable = false;
    await using busy = await openGuardedDoor(openLoopbackDoor, () => {
      if (!isReadable) throw new Error("EBUSY");
      return true;
    });
    const { port, token } = busy.place;
    expect(await sendRaw(port, statusRequest(port, token))).toBe("");
    isReadable = true;
    expect(statusOf(await sendRaw(port, statusRequest(port, token)))).toBe(200);
  });

  test("300 silent connections of another user take no place from this one", async () => {
    let isStranger = true;
    await using shared = await openGuardedDoor(openLoopbackDoor, () => !isStranger);
    const { port, token } = shared.place;
    await Promise.all(Array.from({ length: 300 }, () => closedAfterMs(port)));
    isStranger = false;
    expect(statusOf(await sendRaw(port, statusRequest(port, token)))).toBe(200);
  });

  test("a token is answered while another program holds all places, and keeps its place then", async () => {
    const { port, token } = door.place;
    const hold = (): Promise<number> => closedAfterMs(port, "GET /api/status HTTP/1.1\r\n");
    const held = Array.from({ length: 200 }, hold);
    const kept = connect({ port, host: "127.0.0.1" });
    kept.write(statusRequest(port, token));
    const [answer] = (await once(kept, "data")) as [Buffer];
    expect(statusOf(answer.toString())).toBe(200);
    held.push(...Array.from({ length: 200 }, hold));
    expect(statusOf(await sendRaw(port, statusRequest(port, token)))).toBe(200);
    kept.write(statusRequest(port, token));
    expect(statusOf(String((await once(kept, "data"))[0]))).toBe(200);
    kept.destroy();
    await Promise.all(held);
  });

  test("a request that never ends is cut after about two seconds", async () => {
    const { port, token } = door.place;
    const began = performance.now();
    const answer = await sendRaw(port, statusRequest(port, token).slice(0, -2), { stayOpen: true });
    expect(statusOf(answer)).toBe(408);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test("a connection of one's own that stays silent is cut after two seconds", async () => {
    const ms = await closedAfterMs(door.place.port);
    expect(ms).toBeGreaterThan(1_500);
    expect(ms).toBeLessThan(10_000);
  });
});

/** Opens a connection, sends this, and waits until it is cut. */
async function closedAfterMs(port: number, text = ""): Promise<number> {
  const began = performance.now();
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(text);
  socket.on("error", () => undefined).resume();
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return performance.now() - began;
}

function statusRequest(port: number, token: string): string {
  return `GET /api/status HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
}
