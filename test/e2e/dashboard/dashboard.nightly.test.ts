import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { DaemonInNamespace } from "../live/daemon-in-namespace.ts";
import { BrowserInNamespace } from "./browser-in-namespace.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "chromium");
const PAGES = ["Overview", "Programs", "Changes", "Where to?", "Events"] as const;

describe.skipIf(obstacle !== undefined)(
  `the dashboard in Chromium${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const program = useBuiltProgram();
    let world: DaemonInNamespace;
    let daemon: ChildProcess;
    let browser: BrowserInNamespace;
    let origin = "";
    let openedMs = 0;

    const heading = () => browser.page.getByRole("heading", { level: 1 });
    const open = (name: (typeof PAGES)[number]) =>
      browser.page.getByRole("link", { name: new RegExp(`^${name.replace("?", "[?]")}`) }).click();
    const down = (): readonly string[] => (JSON.parse(world.awg("status", "--json").stdout) as { down: string[] }).down;

    beforeAll(async () => {
      world = new DaemonInNamespace("dashboard", program());
      ({ child: daemon } = await world.startDaemon());
      const pending = join(world.folder, "pending.yaml");
      writeFileSync(
        pending,
        `${readFileSync(world.config, "utf8")}rules: [{ name: printers, destinations: [192.0.2.64/26], via: direct }]\n`,
      );
      await world.start(world.argv("api", "-f", pending), "answering on ");
      const { said } = await world.start(world.argv("ui"), "#");
      const [address = ""] = /http:\/\/127\.0\.0\.1:[0-9]+\/#\S+/.exec(said) ?? [];
      origin = new URL(address).origin;
      browser = await BrowserInNamespace.open(world.host.name, world.folder);
      openedMs = Date.now();
      await browser.page.goto(address);
    }, 600_000);

    afterAll(async () => {
      await browser?.close();
      await world?.end();
    }, 120_000);

    test("it opens by the code, which leaves the address, and says that the host is protected", async () => {
      await heading()
        .getByText(/^Protected/)
        .waitFor();
      expect(browser.page.url()).toBe(`${origin}/`);
      await browser.page.getByText("admin", { exact: true }).waitFor();
      await browser.page.getByRole("heading", { name: world.tunnel, exact: true }).waitFor();
    });

    test.each(PAGES)("%s: axe finds nothing, light and dark, and it fits a phone", async (name) => {
      await open(name);
      await heading().waitFor();
      for (const colorScheme of ["light", "dark"] as const) {
        await browser.page.emulateMedia({ colorScheme });
        expect(await browser.violations()).toEqual([]);
      }
      await browser.page.setViewportSize({ width: 390, height: 844 });
      expect(await browser.page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
      await browser.page.setViewportSize({ width: 1_120, height: 820 });
      await browser.page.emulateMedia({ colorScheme: "light" });
    });

    test("by keyboard alone: where would it go", async () => {
      await browser.tabTo("Where to?");
      await browser.page.keyboard.press("Enter");
      await browser.tabTo("Address or name");
      await browser.page.keyboard.type("1.1.1.1:443");
      await browser.page.keyboard.press("Enter");
      await browser.page.getByText("Config and kernel agree.").waitFor();
      expect(await browser.page.locator("main").textContent()).toContain(`awg-${world.tunnel}`);
    });

    test("by keyboard alone: a plan is dismissed, and shown again", async () => {
      await browser.tabTo("Changes");
      await browser.page.keyboard.press("Enter");
      await browser.page.getByRole("button", { name: "Dismiss" }).waitFor({ timeout: 60_000 });
      await browser.tabTo("Dismiss");
      await browser.page.keyboard.press("Enter");
      await browser.page.getByText("Dismissed until something changes.").waitFor();
      await browser.tabTo("Show again");
      await browser.page.keyboard.press("Enter");
      await browser.page.getByRole("button", { name: "Dismiss" }).waitFor();
    });

    test("an admin reads the pending plan and applies it, after a question", async () => {
      await open("Changes");
      const line = browser.page.locator(".lines > li").first();
      await line.waitFor({ timeout: 60_000 });
      expect((await line.textContent())?.replace(/\s+/g, " ")).toContain("rules: printers192.0.2.64/26→ direct");
      expect(await browser.page.getByText("firewall/machine").first().isVisible()).toBe(false);
      await browser.page.getByRole("button", { name: "Apply", exact: true }).click();
      await browser.page.getByRole("button", { name: "Yes", exact: true }).click();
      await browser.page.getByText("There is nothing to do.").waitFor({ timeout: 60_000 });
      expect(world.awg("explain", "192.0.2.70", "--json").stdout).toContain("printers");
    });

    test("events from before the page was opened are there", async () => {
      await open("Events");
      await browser.page.getByText("In sync").last().waitFor();
      const times = browser.page.locator(".events time");
      expect(new Date((await times.last().getAttribute("datetime")) ?? "").getTime()).toBeLessThan(openedMs);
    });

    test("an admin takes a tunnel down, after a question, and brings it up", async () => {
      await open("Overview");
      await browser.page.getByRole("button", { name: "Take down" }).click();
      await browser.page.getByRole("button", { name: "No", exact: true }).click();
      expect(down()).toEqual([]);
      await browser.page.getByRole("button", { name: "Take down" }).click();
      await browser.page.getByRole("button", { name: "Yes", exact: true }).click();
      await browser.page.getByText("Down on request").first().waitFor({ timeout: 60_000 });
      expect(down()).toEqual([world.tunnel]);
      await browser.page.getByRole("button", { name: "Bring up" }).click();
      await browser.page.getByRole("button", { name: "Take down" }).waitFor({ timeout: 60_000 });
      expect(down()).toEqual([]);
    });

    test("a hidden page asks for nothing; shown again, it follows", async () => {
      await browser.setHidden(true);
      await browser.page.waitForTimeout(2_000);
      const before = browser.requests.length;
      await browser.page.waitForTimeout(60_000);
      expect(browser.requests.slice(before)).toEqual([]);
      const read = browser.page.waitForResponse((answer) => answer.url().endsWith("/api/status"));
      await browser.setHidden(false);
      expect((await read).status()).toBe(200);
      await heading()
        .getByText(/^Protected/)
        .waitFor();
    });

    test("it says that the daemon is gone, and that it is back", async () => {
      daemon.kill("SIGKILL");
      await once(daemon, "exit");
      await heading().getByText("The daemon does not answer").waitFor({ timeout: 2_000 });
      await world.startDaemon();
      await heading()
        .getByText(/^Protected/)
        .waitFor({ timeout: 30_000 });
    });

    test("nothing on the console, and no request elsewhere", () => {
      expect(browser.said).toEqual([]);
      expect([...new Set(browser.requests.map((url) => new URL(url).origin))]).toEqual([origin]);
    });
  },
);
