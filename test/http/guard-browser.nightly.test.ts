import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLoopbackDoor } from "../../src/http/doors/loopback-door.ts";
import { commandObstacle } from "../support/netns.ts";
import { type GuardedDoor, openGuardedDoor } from "./guarded-door.ts";

const obstacle = commandObstacle("chromium");

/** Ways to reach a door from a page: each a program that says what came of it. `url` and `token` are those of the door. */
const WAYS: Readonly<Record<string, string>> = {
  "fetch with the token": `fetch(url + "/api/status", { headers: { Authorization: "Bearer " + token } }).then((answer) => answer.status)`,
  "a POST without CORS": `fetch(url + "/api/run", { method: "POST", mode: "no-cors", body: '{"action":"down"}' }).then((answer) => answer.status)`,
  "a POST of JSON with the token": `fetch(url + "/api/run", { method: "POST", body: "{}",
    headers: { Authorization: "Bearer " + token, "Content-Type": "application/json" } }).then((answer) => answer.status)`,
  "an event source": `new Promise((resolve) => { const source = new EventSource(url + "/api/events");
    source.onopen = () => resolve("open"); source.onerror = () => { source.close(); resolve("error"); }; })`,
  "a WebSocket": `new Promise((resolve) => { const socket = new WebSocket(url.replace("http", "ws") + "/api/events");
    socket.onopen = () => resolve("open"); socket.onerror = () => resolve("error"); })`,
  "an image": `new Promise((resolve) => { const image = new Image();
    image.onload = () => resolve("open"); image.onerror = () => resolve("error"); image.src = url + "/icon.svg"; })`,
  "a frame": `new Promise((resolve) => { const frame = document.createElement("iframe");
    frame.onload = () => resolve(frame.contentDocument?.title ?? "sealed"); frame.src = url + "/"; document.body.append(frame); })`,
  "a form in a frame": `new Promise((resolve) => { const frame = document.createElement("iframe"); frame.name = "target";
    const form = document.createElement("form"); Object.assign(form, { method: "POST", action: url + "/api/run", target: "target" });
    document.body.append(frame, form); frame.onload = () => resolve(frame.contentDocument?.title ?? "sealed"); form.submit(); })`,
};

describe.skipIf(obstacle !== undefined)(
  `S: other sites in Chromium${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let door: GuardedDoor;
    let site: Server;
    let browser: Browser;
    let page: Page;
    let port = 0;
    let sitePort = 0;

    beforeAll(async () => {
      door = await openGuardedDoor(openLoopbackDoor);
      ({ port } = door.place);
      site = createServer((_request, response) => response.setHeader("Content-Type", "text/html").end("<body>other"));
      await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
      sitePort = (site.address() as AddressInfo).port;
      browser = await chromium.launch({
        executablePath: "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-background-networking", "--host-resolver-rules=MAP * 127.0.0.1"],
      });
    });
    afterAll(async () => {
      await browser?.close();
      site?.close();
      await door?.[Symbol.asyncDispose]();
    });

    /** Where the page comes from. A page on the door's own port was loaded before its name was bound to this host. */
    const ORIGINS: Readonly<Record<string, () => string>> = {
      "another port": () => `http://127.0.0.1:${sitePort}/`,
      "another name": () => `http://evil.example:${sitePort}/`,
      "a name that is rebound to the door": () => `http://rebound.example:${port}/`,
      "localhost with a dot": () => `http://localhost.:${port}/`,
      "an opaque origin": () => "data:text/html,<body>other",
    };

    /** What the browser got, and what reached the API. */
    async function attempt(address: string, way: string): Promise<{ got: unknown; passed: readonly string[] }> {
      page = await browser.newPage();
      await page.route(address, (route) => route.fulfill({ contentType: "text/html", body: "<body>other" }), {
        times: 1,
      });
      await page.goto(address);
      const before = door.passed.length;
      const got = await page.evaluate(
        `(async () => { const url = "http://" + (location.port === "${port}" ? location.host : "127.0.0.1:${port}");
          const token = "${door.place.token}"; return await (${way}); })().catch(() => "error")`,
      );
      await page.close();
      return { got, passed: door.passed.slice(before) };
    }

    const cases = Object.keys(ORIGINS).flatMap((origin) => Object.keys(WAYS).map((way) => [origin, way] as const));
    test.each(cases)("from %s by %s nothing passes", async (origin, way) => {
      const { got, passed } = await attempt(ORIGINS[origin]?.() ?? "", WAYS[way] ?? "");
      expect(passed).toEqual([]);
      expect(["error", "sealed", "", 0, 401, 403, 415, 421]).toContain(got);
    });

    test("awg's own page passes by fetch and by a POST of JSON", async () => {
      const own = `http://127.0.0.1:${port}/`;
      for (const way of ["fetch with the token", "a POST of JSON with the token"]) {
        expect((await attempt(own, WAYS[way] ?? "")).got).toBe(200);
      }
    });
  },
);
