import type { ServerResponse } from "node:http";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildWeb } from "../../../scripts/build-web.ts";
import { type LoopbackDoor, openLoopbackDoor } from "../../../src/http/doors/loopback-door.ts";
import { Sessions } from "../../../src/http/sessions.ts";
import { StaticFiles } from "../../../src/http/static-files.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle } from "../../support/netns.ts";

const obstacle = commandObstacle("chromium");
/** An hour: ten events a second, a status every two seconds. */
const HOUR = { events: 36_000, statusEvery: 20 } as const;
/** After these events lists and plots have their most. */
const FILLED = 6_000;
const MAY_GROW_BYTES = 1_000_000;

const statusDocument = (nth: number) => ({
  generation: 1,
  conditions: ["Ready", "Protected", "Stalled"].map((type) => ({
    type,
    status: type !== "Stalled",
    reason: "KillSwitchOn",
    message: "the kill switch is on",
    since: null,
  })),
  resources: ["office", "home"].map((name) => ({
    key: `tunnel/${name}`,
    ready: true,
    drift: [],
    summary: "connected",
    tunnel: {
      state: "connected",
      wire: "wireguard",
      peers: [
        {
          publicKey: name,
          endpoint: "192.0.2.1:51820",
          handshakeAgeSeconds: nth % 60,
          receivedBytes: nth * 10_000,
          sentBytes: nth * 900,
          roundTripMs: 12,
        },
      ],
    },
  })),
  down: [],
  fallback: [],
  directRules: [],
  endsAtReboot: false,
  override: null,
  daemon: { pid: 1, phase: "in-sync", since: null, keys: [], nextTry: null, filesNotApplied: false, files: [] },
  awaitingConfirmation: null,
});

/** Waits until the client has taken what was written, or is gone. */
function drained(stream: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      stream.off("drain", go).off("close", go);
      resolve();
    };
    stream.on("drain", go).on("close", go);
  });
}

describe.skipIf(obstacle !== undefined)(`a page for hours${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  const folder = temporaryFolder("web");
  const streams = new Set<ServerResponse>();
  const requests: string[] = [];
  const said: string[] = [];
  let nth = 0;
  let door: LoopbackDoor;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    await buildWeb(folder);
    const sessions = new Sessions(() => performance.now());
    door = await openLoopbackDoor({
      port: 0,
      sessions,
      files: new StaticFiles(folder),
      isOwn: () => true,
      answer: async (request, response) => {
        const { url = "" } = request;
        if (url.startsWith("/api/")) requests.push(url);
        if (url === "/api/status") {
          response.end(JSON.stringify({ role: "admin", available: true, status: statusDocument(nth) }));
        } else if (url === "/api/events") {
          response.writeHead(200, { "Content-Type": "text/event-stream" });
          streams.add(response);
          response.once("close", () => streams.delete(response));
          const snapshot = { role: "admin", available: true, status: statusDocument(nth) };
          response.write(`id: a-${nth}\nevent: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`);
        } else if (url === "/api/log") response.end(JSON.stringify({ lines: [] }));
        else if (url === "/api/run") response.end(JSON.stringify({ code: 0, data: { programs: [] } }));
        else return false;
        return true;
      },
    });
    browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-background-networking", "--host-resolver-rules=MAP * 127.0.0.1"],
    });
    page = await browser.newPage();
    page.on("console", (line) => said.push(line.text()));
    page.on("pageerror", (error) => said.push(error.message));
    await page.goto(`http://127.0.0.1:${door.port}/#${sessions.newCode()}`);
    await page.getByRole("heading", { level: 1, name: "Protected" }).waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    await door?.[Symbol.asyncDispose]();
  });

  /** Plays events as fast as the page takes them, and waits until it shows the last. */
  async function play(count: number): Promise<void> {
    for (const last = nth + count; nth < last; ) {
      nth += 1;
      const isStatus = nth % HOUR.statusEvery === 0;
      const data = isStatus
        ? statusDocument(nth)
        : { type: "woken", at: new Date(nth * 100).toISOString(), reasons: [`event ${nth}`] };
      const name = isStatus ? "vpn-status-changed" : "daemon";
      for (const stream of streams) {
        const text = `id: a-${nth}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
        if (!stream.write(text)) await drained(stream);
      }
      // The page draws now and then, as it would in an hour.
      if (nth % 500 === 0) await page.waitForTimeout(20);
    }
  }

  async function heapBytes(): Promise<number> {
    await page.waitForTimeout(1_000);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    await devtools.detach();
    return usedSize;
  }

  async function setHidden(hidden: boolean): Promise<void> {
    await page.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} });
      document.dispatchEvent(new Event("visibilitychange"));`);
  }

  test.each(["overview", "events"])("the heap is flat over an hour of events on %s", async (name) => {
    await page.evaluate(`location.hash = "${name}"`);
    await play(FILLED);
    const before = await heapBytes();
    await play(HOUR.events);
    const shown = name === "events" ? `event ${nth - 1}` : `${nth % 60} s ago`;
    await page.getByText(shown, { exact: true }).first().waitFor({ timeout: 60_000 });
    const after = await heapBytes();
    expect(after - before, `${before} before, ${after} after`).toBeLessThan(MAY_GROW_BYTES);
  });

  test("hidden for a minute it asks for nothing and holds no stream, and the heap is flat", async () => {
    const before = await heapBytes();
    await setHidden(true);
    await expect.poll(() => streams.size).toBe(0);
    const { length } = requests;
    await play(HOUR.events);
    await page.waitForTimeout(60_000);
    expect(requests.slice(length)).toEqual([]);
    expect((await heapBytes()) - before).toBeLessThan(MAY_GROW_BYTES);
    await setHidden(false);
    await expect.poll(() => streams.size).toBe(1);
  });

  test("nothing on the console", () => {
    expect(said).toEqual([]);
  });
});
