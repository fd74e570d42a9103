import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { buildClient } from "../../scripts/build-client.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle } from "../support/netns.ts";
import { ApiServer, STREAM, writeApart } from "./api-server.ts";

const obstacle = commandObstacle("chromium");
const ROOT = join(import.meta.dirname, "../..");
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const documentOf = (state: string): object => ({ resources: [{ key: "tunnel/größer", tunnel: { state } }] });
const eventText = (name: string, data: unknown, id: string): string =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const snapshot = (state: string): string =>
  eventText("snapshot", { role: "admin", available: true, status: documentOf(state) }, "a-1");
const until = (check: () => Promise<void> | void): Promise<void> =>
  vi.waitFor(check, { timeout: 30_000, interval: 50 });

/** The built client with awg's own times, in a page of the server that it asks. */
describe.skipIf(obstacle !== undefined)(
  `awg/client in Chromium${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const folder = temporaryFolder("client");
    let browser: Browser;
    let server: ApiServer;
    let page: Page;
    let devtools: CDPSession;
    let onEvents: (response: import("node:http").ServerResponse, nth: number) => void;
    let onRun: (response: import("node:http").ServerResponse) => void;
    /** When each event stream was asked for, in milliseconds. */
    let asked: number[];

    beforeAll(async () => {
      await buildClient(ROOT, folder);
      browser = await chromium.launch({
        executablePath: "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-background-networking", "--host-resolver-rules=MAP * 127.0.0.1"],
      });
    });
    afterAll(() => browser?.close());
    beforeEach(async () => {
      asked = [];
      onRun = (response) => response.writeHead(403).end("{}");
      server = new ApiServer("browser", (request, response) => {
        if (request.url === "/") response.setHeader("Content-Type", "text/html").end("<meta charset=utf-8>");
        else if (request.url === "/client.js") {
          response.setHeader("Content-Type", "text/javascript").end(readFileSync(join(folder, "client.js")));
        } else if (request.url === "/api/status") {
          response.end(JSON.stringify({ available: true, status: documentOf("connected") }));
        } else if (request.url === "/api/events") onEvents(response, asked.push(performance.now()) - 1);
        else if (request.url === "/api/run") onRun(response);
        else response.writeHead(404).end();
      });
      await server.start();
      page = await browser.newPage();
      devtools = await page.context().newCDPSession(page);
      await page.goto(server.url);
    });
    afterEach(async () => {
      await page.close();
      await server.stop();
    });

    /** Opens a client in the page whose callbacks are kept in `said`. */
    const follow = (): Promise<unknown> =>
      page.evaluate(`(async () => {
        const { connect } = await import("/client.js");
        globalThis.connect = connect;
        globalThis.said = [];
        globalThis.client = connect({ url: location.origin, token: "${"t".repeat(43)}" });
        client.onServiceStateChange(({ available }) => said.push(available ? "available" : "gone"));
        client.onStatusChange(({ state }) => said.push(state));
        client.onEvent(({ type }) => said.push("event " + type));
      })()`);
    const said = (): Promise<readonly string[]> => page.evaluate("said");
    const apiRequests = (): readonly string[] => server.requests.filter((one) => one.includes("/api/"));

    test("one query, then the stream", async () => {
      onEvents = (response) => response.writeHead(200, STREAM).write(snapshot("connected"));
      await follow();
      await until(async () => expect(await said()).toEqual(expect.arrayContaining(["available", "connected"])));
      expect(apiRequests().toSorted()).toEqual(["GET /api/events", "GET /api/status"]);
    });

    test("CRLF, in single bytes", async () => {
      const text = `${snapshot("connected")}${eventText("daemon", { type: "größer 🛡" }, "a-2")}`;
      onEvents = (response) => {
        response.writeHead(200, STREAM);
        void writeApart(
          response,
          [...bytesOf(text.replaceAll("\n", "\r\n"))].map((byte) => Uint8Array.of(byte)),
        );
      };
      await follow();
      await until(async () => expect(await said()).toContain("event größer 🛡"));
    });

    test("a cut inside a character: after 3 s it resumes at the last event", async () => {
      const whole = bytesOf(eventText("daemon", { type: "🛡" }, "a-2"));
      onEvents = (response, nth) => {
        response.writeHead(200, STREAM);
        if (nth > 0) response.write(whole);
        else {
          response.write(bytesOf(snapshot("connected")));
          response.write(whole.subarray(0, whole.indexOf(0xf0) + 2));
          // A stream that fails loses what its reader has not taken yet.
          setTimeout(() => response.destroy(), 1_000);
        }
      };
      await follow();
      await until(async () => expect(await said()).toContain("event 🛡"));
      expect((await said()).filter((one) => one.startsWith("event") || one === "gone")).toEqual(["gone", "event 🛡"]);
      expect(server.resumedAfter).toEqual([undefined, "a-1"]);
      expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(2_900);
    });

    test("heartbeats keep a connection for longer than 15 s, silence ends it", async () => {
      const beats: NodeJS.Timeout[] = [];
      onEvents = (response, nth) => {
        response.writeHead(200, STREAM).write(snapshot("connected"));
        if (nth === 0) beats.push(setInterval(() => response.write(": heartbeat\n\n"), 5_000));
      };
      await follow();
      await sleep(20_000);
      expect(await said()).not.toContain("gone");
      beats.forEach(clearInterval);
      await until(async () => expect(await said()).toContain("gone"));
      expect(asked).toHaveLength(1);
    });

    test("a server without events is polled every 2 s", async () => {
      onEvents = (response) => response.writeHead(404).end("{}");
      await follow();
      await sleep(11_000);
      const polls = apiRequests().filter((one) => one === "GET /api/status").length;
      expect(asked).toHaveLength(1);
      expect(polls).toBeGreaterThanOrEqual(4);
      expect(polls).toBeLessThanOrEqual(8);
      expect((await said()).slice(0, 2)).toEqual(["available", "connected"]);
    });

    test("a pending state that passes within 0.4 s is not shown, one that lasts is", async () => {
      onEvents = (response) => {
        response.writeHead(200, STREAM).write(snapshot("connected"));
        const send = (state: string, id: string): unknown =>
          response.write(eventText("vpn-status-changed", documentOf(state), id));
        setTimeout(() => send("blocked", "a-2"), 500);
        setTimeout(() => send("connected", "a-3"), 550);
        setTimeout(() => send("blocked", "a-4"), 2_000);
      };
      await follow();
      await until(async () => expect(await said()).toContain("connecting"));
      const states = (await said()).filter((one) => one !== "available");
      expect(states.indexOf("connecting")).toBe(states.length - 1);
    });

    test("an action shows its aim at once, then the host's state", async () => {
      onEvents = (response) => response.writeHead(200, STREAM).write(snapshot("connected"));
      onRun = (response) => void setTimeout(() => response.end(JSON.stringify({ code: 0 })), 200);
      await follow();
      await until(async () => expect(await said()).toContain("connected"));
      const ended = await page.evaluate(`(async () => {
        const running = client.run("down"); const atOnce = said.at(-1);
        const { code } = await running; return [atOnce, code, said.at(-1)]; })()`);
      expect(ended).toEqual(["disconnecting", 0, "connected"]);
    });

    test("1,000 subscriptions that end before they are connected leave nothing", async () => {
      onEvents = (response) => response.writeHead(200, STREAM).write(snapshot("connected"));
      await follow();
      await page.evaluate("client.close()");
      const cycle = `for (let count = 0; count < 1_000; count += 1) {
        const ends = [client.onStatusChange(() => said.push("late")), client.onServiceStateChange(() => said.push("late"))];
        for (const end of [...ends, ...ends]) end(); }`;
      await page.evaluate(cycle);
      await until(() => expect(server.open).toBe(0));
      const before = await heapBytes();
      for (let round = 0; round < 3; round += 1) await page.evaluate(cycle);
      await until(() => expect(server.open).toBe(0));
      await sleep(4_000);
      const { length } = apiRequests();
      await sleep(4_000);
      expect(apiRequests()).toHaveLength(length);
      expect(await said()).not.toContain("late");
      expect((await heapBytes()) - before).toBeLessThan(500_000);
    });

    async function heapBytes(): Promise<number> {
      await devtools.send("HeapProfiler.collectGarbage");
      return (await devtools.send("Runtime.getHeapUsage")).usedSize;
    }
  },
);
