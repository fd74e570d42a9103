import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { DaemonFeed } from "../../src/http/daemon-feed.ts";
import { streamEvents } from "../../src/http/event-stream.ts";

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
