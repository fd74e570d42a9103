import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import type { DaemonEvent } from "../../src/api/daemon-lines.ts";
import { DaemonFeed } from "../../src/http/daemon-feed.ts";
import { streamEvents } from "../../src/http/event-stream.ts";
import { temporaryFolder } from "../support/folder.ts";

test("a client that leaves before the daemon answered disturbs no other", async () => {
  const answers = Promise.withResolvers<void>();
  const feed = new DaemonFeed(async function* () {
    await answers.promise;
    yield { id: 1, place: "a-1", snapshot: { state: {}, status: { generation: 3 } } };
    await sleep(10_000, undefined, { ref: false });
  });
  await using server = createServer((request, response) => streamEvents(request, response, feed, { role: "viewer" }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const leaving = new AbortController();
  await fetch(url, { signal: leaving.signal });
  const staying = new AbortController();
  const reader = (await fetch(url, { signal: staying.signal })).body?.getReader();
  leaving.abort();
  await sleep(50);
  answers.resolve();
  let text = "";
  while (!text.includes("snapshot")) text += new TextDecoder().decode((await reader?.read())?.value);
  expect(text).toContain('data: {"role":"viewer","available":true,"status":{"generation":3}}');
  staying.abort();
  server.closeAllConnections();
});

test("a client that does not read is cut, and another one gets every event", async () => {
  const begin = Promise.withResolvers<void>();
  const text = "x".repeat(4_000);
  const feed = new DaemonFeed(async function* () {
    yield { id: 1, place: "a-0", snapshot: { state: {}, status: {} } };
    await begin.promise;
    for (let count = 1; count <= 300; count += 1) {
      yield { id: 1, place: `a-${count}`, event: { type: "problem", at: "", text } as DaemonEvent };
      await sleep(1);
    }
    await sleep(10_000, undefined, { ref: false });
  });
  // The kernel keeps less for a unix socket than for TCP: it is full after some 200 KB.
  const path = join(temporaryFolder("event-stream"), "socket");
  await using server = createServer((request, response) => streamEvents(request, response, feed, {}));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const open = (): Socket =>
    connect(path).once("connect", function (this: Socket) {
      this.write("GET /api/events HTTP/1.1\r\nHost: awg\r\n\r\n");
    });
  const [slow, quick] = [open(), open()];
  let got = 0;
  quick.setEncoding("utf8").on("data", (part: string) => {
    got += part.split("event: daemon").length - 1;
  });
  slow.pause();
  await sleep(100);
  begin.resolve();
  await vi.waitFor(() => expect(got).toBe(300), { timeout: 20_000 });
  const cut = new Promise((resolve) => slow.once("close", resolve));
  slow.resume();
  await cut;
  quick.destroy();
});
