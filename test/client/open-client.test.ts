import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { connect } from "../../src/client/awg-client.ts";
import type { AwgClient, TunnelsStatus } from "../../src/client/client-api.ts";
import { openClient } from "../../src/client/open-client.ts";
import { fetchTransport } from "../../src/client/transport/fetch-transport.ts";
import { socketTransport } from "../../src/client/transport/socket-transport.ts";
import { ApiServer, STREAM, writeApart } from "./api-server.ts";

const TIMES = { reconnectMs: 40, idleMs: 1_500, pollMs: 30, pendingMs: 30 };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const document = (state: string, generation = 1): object => ({
  generation,
  resources: [{ key: "tunnel/größer", tunnel: { state } }],
});
const eventText = (name: string, data: unknown, id: string): string =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const snapshot = (state: string, id = "a-1"): string =>
  eventText("snapshot", { role: "admin", available: true, status: document(state) }, id);

let server: ApiServer;
afterEach(() => server.stop());

/** Waits longer than a busy host takes. */
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000 });

/** Connections, not servers. */
const isConnection = (name: string): boolean => name === "PipeWrap" || name === "TCPSocketWrap";

const doors: readonly [string, () => AwgClient][] = [
  ["a unix socket", () => openClient(socketTransport(server.socket), TIMES)],
  ["fetch", () => openClient(fetchTransport(server.url, "t".repeat(30)), TIMES)],
];

const answerStatus = (response: ServerResponse, status: object): void => {
  response.setHeader("Content-Type", "application/json").end(JSON.stringify({ available: true, status }));
};

async function serve(
  onEvents: (response: ServerResponse, nth: number) => void,
  status: object = document("connected"),
): Promise<void> {
  let count = 0;
  server = new ApiServer("client", (request, response) => {
    if (request.url === "/api/status") answerStatus(response, status);
    else if (request.url === "/api/events") onEvents(response, count++);
    else response.writeHead(403).end(JSON.stringify({ code: 403, message: "only an admin may ask for it" }));
  });
  await server.start();
}

/** What a client reports, in order. */
function record(client: AwgClient): { readonly said: string[]; readonly statuses: TunnelsStatus[]; end: () => void } {
  const [said, statuses]: [string[], TunnelsStatus[]] = [[], []];
  const ends = [
    client.onServiceStateChange(({ available }) => said.push(available ? "available" : "gone")),
    client.onStatusChange((status) => {
      said.push(status.state);
      statuses.push(status);
    }),
    client.onEvent(({ type }) => said.push(`event ${type}`)),
  ];
  return { said, statuses, end: () => ends.forEach((end) => void end()) };
}

describe.each(doors)("over %s", (_name, open) => {
  test("one query, then the stream: state, status, events", async () => {
    await serve((response) => {
      response.writeHead(200, STREAM).write(snapshot("blocked") + eventText("daemon", { type: "inSync" }, "a-2"));
    });
    const { said, statuses, end } = record(open());
    await until(() => expect(said).toContain("event inSync"));
    await until(() => expect(statuses.at(-1)?.state).toBe("connecting"));
    expect(said[0]).toBe("available");
    expect(statuses.at(-1)).toMatchObject({
      error: { code: "TunnelBlocked", message: "no peer answers: tunnel/größer" },
      document: document("blocked"),
    });
    expect(server.requests.toSorted()).toEqual(["GET /api/events", "GET /api/status"]);
    end();
    await until(() => expect(server.open).toBe(0));
  });

  test("a stream of CRLF lines in single bytes", async () => {
    const text = `: heartbeat\n\n${snapshot("blocked")}${eventText("daemon", { type: "größer 🛡" }, "a-2")}`;
    await serve((response) => {
      response.writeHead(200, STREAM);
      void writeApart(
        response,
        [...bytesOf(text.replaceAll("\n", "\r\n"))].map((byte) => Uint8Array.of(byte)),
      );
    });
    const { said, end } = record(open());
    await until(() => expect(said).toContain("event größer 🛡"));
    end();
  });

  test("a cut inside a character: nothing of it is reported, and the next connection resumes", async () => {
    const whole = bytesOf(eventText("daemon", { type: "🛡" }, "a-2"));
    const middle = whole.indexOf(0xf0) + 2;
    await serve((response, nth) => {
      response.writeHead(200, STREAM);
      if (nth > 0) response.write(whole);
      else {
        response.write(bytesOf(snapshot("connected")));
        response.write(whole.subarray(0, middle), () => response.destroy());
      }
    });
    const { said, end } = record(open());
    await until(() => expect(said).toContain("event 🛡"));
    expect(said.filter((one) => one.startsWith("event"))).toEqual(["event 🛡"]);
    expect(said).toContain("gone");
    expect(server.resumedAfter).toEqual([undefined, "a-1"]);
    end();
  });

  test("a server that restarts is found again", async () => {
    await serve((response) => response.writeHead(200, STREAM).write(snapshot("connected")));
    const { said, statuses, end } = record(open());
    await until(() => expect(said).toContain("connected"));
    await server.stop();
    await until(() => expect(said.at(-1)).toBe("disconnected"));
    expect(statuses.at(-1)).toMatchObject({ state: "disconnected", error: { code: "Unavailable" }, document: null });
    await server.start();
    await until(() => expect(said.at(-1)).toBe("connected"));
    expect(said.filter((one) => one === "available" || one === "gone")).toEqual(["available", "gone", "available"]);
    end();
  });

  test("heartbeats keep a connection, silence ends it", async () => {
    const beats: NodeJS.Timeout[] = [];
    await serve((response, nth) => {
      response.writeHead(200, STREAM).write(snapshot("connected"));
      if (nth > 0) beats.push(setInterval(() => response.write(": heartbeat\n\n"), 30));
    });
    const { said, end } = record(open());
    await until(() => expect(said.filter((one) => one === "available")).toHaveLength(2));
    await sleep(2 * TIMES.idleMs);
    expect(said.filter((one) => one === "gone")).toHaveLength(1);
    expect(server.resumedAfter).toHaveLength(2);
    end();
    beats.forEach(clearInterval);
  });

  test("a server without events is polled", async () => {
    await serve((response) => response.writeHead(404).end("{}"));
    const { said, statuses, end } = record(open());
    await until(() => expect(statuses.length).toBeGreaterThan(4));
    expect(said.slice(0, 2)).toEqual(["available", "connected"]);
    expect(server.resumedAfter).toHaveLength(1);
    end();
    const { length } = server.requests;
    await sleep(5 * TIMES.pollMs);
    expect(server.requests).toHaveLength(length);
  });

  test("1,000 subscriptions that end before they are connected leave nothing", async () => {
    await serve((response) => response.writeHead(200, STREAM).write(snapshot("connected")));
    const before = process.getActiveResourcesInfo().filter(isConnection).length;
    const client = open();
    let called = 0;
    for (let count = 0; count < 1_000; count += 1) {
      const ends = [client.onStatusChange(() => called++), client.onServiceStateChange(() => called++)];
      for (const end of [...ends, ...ends]) end();
    }
    await until(() => expect(server.open).toBe(0));
    await sleep(3 * TIMES.reconnectMs);
    expect([called, server.open]).toEqual([0, 0]);
    const { length } = server.requests;
    await sleep(3 * TIMES.reconnectMs);
    expect(server.requests).toHaveLength(length);
    await server.stop();
    const left = (): number => process.getActiveResourcesInfo().filter(isConnection).length;
    await until(() => expect(left()).toBeLessThanOrEqual(before));
  });

  test("a refusal and a server that is gone are answers of run, without the token", async () => {
    await serve((response) => response.writeHead(404).end("{}"));
    expect(await open().run("apply")).toEqual({ code: 403, message: "only an admin may ask for it" });
    await server.stop();
    const { code, message = "" } = await open().run("apply");
    expect([code, message.startsWith("awg does not answer: "), message.includes("ttt")]).toEqual([13, true, false]);
  });
});

test("an action shows its aim at once, and the host's state with its end", async () => {
  let state = "connected";
  server = new ApiServer("aim", (request, response) => {
    if (request.url === "/api/events") response.writeHead(200, STREAM).write(snapshot("connected"));
    else if (request.url === "/api/status") answerStatus(response, state === "" ? {} : document(state));
    else {
      state = "";
      setTimeout(() => response.end(JSON.stringify({ code: 0, data: {} })), 50);
    }
  });
  await server.start();
  const client = openClient(socketTransport(server.socket), TIMES);
  const { said, end } = record(client);
  await until(() => expect(said).toContain("connected"));
  const running = client.run("down");
  expect(said.at(-1)).toBe("disconnecting");
  expect(await running).toEqual({ code: 0, data: {} });
  expect(said.at(-1)).toBe("disconnected");
  end();
});

test("a callback may end its own subscription, and one that throws spoils no other", async () => {
  await serve((response) => response.writeHead(200, STREAM).write(snapshot("connected")));
  const uncaught = vi.fn();
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException").on("uncaughtException", uncaught);
  const client = openClient(socketTransport(server.socket), TIMES);
  const seen: string[] = [];
  const end = client.onStatusChange(({ state }) => {
    seen.push(state);
    end();
    throw new Error("of the caller");
  });
  const other = client.onStatusChange(({ state }) => seen.push(`other ${state}`));
  await until(() => expect(seen).toContain("other connected"));
  expect(seen.filter((one) => one === "connected")).toHaveLength(1);
  await until(() => expect(uncaught).toHaveBeenCalledOnce());
  process.removeAllListeners("uncaughtException");
  for (const one of others) process.on("uncaughtException", one);
  other();
  client.close();
  await until(() => expect(server.open).toBe(0));
});

test("a later subscriber gets the present state", async () => {
  await serve((response) => response.writeHead(200, STREAM).write(snapshot("connected")));
  const client = connect({ socket: server.socket });
  const { said } = record(client);
  await until(() => expect(said).toContain("connected"));
  const late = record(client);
  await until(() => expect(late.said).toEqual(["available", "connected"]));
  client.close();
  await until(() => expect(server.open).toBe(0));
});

test.each(["http://example.org", "ftp://127.0.0.1", "http://u:p@127.0.0.1:1", "nonsense"])("%s is refused", (url) => {
  server = new ApiServer("none", () => undefined);
  expect(() => connect({ url, token: "x" })).toThrow("url: awg answers by http on 127.0.0.1");
});

test("a client that is closed during an action queries nothing more", async () => {
  const asked: string[] = [];
  const action = Promise.withResolvers<ServerResponse>();
  server = new ApiServer("closed", (request, response) => {
    asked.push(request.url ?? "");
    if (request.url === "/api/status") answerStatus(response, document("connected"));
    else if (request.url === "/api/events") response.writeHead(200, STREAM).write(snapshot("connected"));
    else action.resolve(response);
  });
  await server.start();
  const client = openClient(socketTransport(server.socket), TIMES);
  const { statuses } = record(client);
  await until(() => expect(statuses.length).toBeGreaterThan(0));
  const running = client.run("down");
  const response = await action.promise;
  client.close();
  const before = asked.length;
  response.end(JSON.stringify({ code: 0 }));
  expect(await running).toMatchObject({ code: 0 });
  expect(asked.slice(before)).toEqual([]);
});
