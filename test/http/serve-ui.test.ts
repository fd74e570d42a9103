import { once } from "node:events";
import { linkSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSocketServer } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { DaemonFeed } from "../../src/http/daemon-feed.ts";
import type { LogLine } from "../../src/http/router.ts";
import { serveUi } from "../../src/http/serving/serve-ui.ts";
import { temporaryFolder } from "../support/folder.ts";

const ending = new AbortController();
const line: LogLine = { time: "2026-01-01T00:00:00Z", type: "inSync", text: "in sync", event: { type: "inSync" } };

afterEach(() => ending.abort());

/** A dashboard's door before this socket of the API; the answer of a path, and its status. */
async function openUi(apiSocket: string) {
  const opened = Promise.withResolvers<string>();
  void serveUi({
    apiSocket,
    parts: {
      feed: new DaemonFeed(async function* () {
        yield* [];
      }),
      status: () => Promise.resolve({ generation: 1 }),
      readLog: async function* () {
        yield await Promise.resolve(line);
      },
    },
    ownerOf: () => process.getuid?.(),
    port: 0,
    files: temporaryFolder("page"),
    signal: ending.signal,
    onListening: opened.resolve,
  });
  const { origin, hash } = new URL(await opened.promise);
  const post = (path: string, body: unknown, headers = {}) =>
    fetch(`${origin}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const { token } = (await (await post("/api/session", { code: hash.slice(1) })).json()) as { token: string };
  const headers = { Authorization: `Bearer ${token}` };
  return {
    get: async (path: string) => (await fetch(`${origin}${path}`, { headers })).json(),
    run: async (action: string) => {
      const answer = await post("/api/run", { action }, headers);
      return [answer.status, await answer.json()];
    },
  };
}

test.each(["no socket", "a socket that nothing listens on"])(
  "with %s, the reason is that awg api does not run",
  async (what) => {
    const socket = join(temporaryFolder("api"), "awg.sock");
    if (what !== "no socket") {
      const server = createSocketServer().listen(`${socket}.first`);
      await once(server, "listening");
      // The kernel keeps the second name of a closed socket.
      linkSync(`${socket}.first`, socket);
      server.close();
      rmSync(`${socket}.first`, { force: true });
    }
    const noActions = expect.stringMatching(/^awg api does not run, so nothing can be changed here; start it: /);
    const ui = await openUi(socket);
    expect(await ui.get("/api/status")).toEqual({
      role: "viewer",
      noActions,
      available: true,
      status: { generation: 1 },
    });
    expect(await ui.run("ps")).toEqual([403, expect.objectContaining({ message: noActions })]);
    expect(await ui.get("/api/log")).toEqual({ lines: [line] });
  },
);

test("with an API, it answers", async () => {
  const socket = join(temporaryFolder("api"), "awg.sock");
  await using server = createServer((request, response) => response.end(JSON.stringify({ asked: request.url })));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  expect(await (await openUi(socket)).get("/api/status")).toEqual({ asked: "/api/status" });
  server.closeAllConnections();
});
