import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PAGES, type PageName } from "../../../web/src/page-names.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { BrowserInNamespace } from "./browser-in-namespace.ts";
import { AS_VIEWER, PERSON, Showcase } from "./showcase.ts";

const obstacle =
  namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "chromium", "wireguard-go", "wg", "curl");
/** AWG_PICTURES names a folder that gets the pictures: docs/how-to/dashboard. */
const PICTURES = process.env["AWG_PICTURES"];
const SIZES = { light: { width: 1_040, height: 760 }, phone: { width: 390, height: 844 } } as const;
/** The plots fill for this long. */
const FILL_MS = 75_000;

describe.skipIf(obstacle !== undefined)(
  `the dashboard of a whole host${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const program = useBuiltProgram();
    const folder = temporaryFolder("pictures");
    let host: Showcase;
    let admin: BrowserInNamespace;
    let viewer: BrowserInNamespace;

    const main = (browser: BrowserInNamespace) => browser.page.locator("main");
    const open = async ({ page }: BrowserInNamespace, name: PageName): Promise<void> => {
      await page.evaluate(`location.hash = "${name}"`);
      await page.locator(`nav a[href="#${name}"][aria-current="page"]`).waitFor();
    };

    beforeAll(async () => {
      host = new Showcase(program(), temporaryFolder("showcase"));
      await host.start();
      admin = await BrowserInNamespace.open(host.host.name, folder);
      await admin.page.goto(await host.openUi());
      await main(admin).getByText("2 of 2").waitFor({ timeout: 60_000 });
    }, 600_000);

    afterAll(async () => {
      await viewer?.close();
      await admin?.close();
      await host?.end();
    }, 120_000);

    test("the overview shows each tunnel, its rates, and who takes which path", async () => {
      await main(admin).getByText("Only backup goes direct, as its rule says.").waitFor();
      const ways = main(admin).locator(".ways > li");
      await ways.filter({ hasText: "home" }).getByText("jellyfin").waitFor();
      expect(await ways.filter({ hasText: "everything else" }).textContent()).toContain("198.51.100.7:51820");
      await main(admin)
        .getByRole("img", { name: /now [0-9.]+ [kM]bit\/s in/ })
        .first()
        .waitFor({ timeout: 30_000 });
    });

    test("programs with their path and the line that decides", async () => {
      await open(admin, "programs");
      const row = main(admin).locator(".programs > li").filter({ hasText: "/opt/jellyfin/jellyfin" });
      await row.getByText("home").waitFor();
      expect(await row.textContent()).toMatch(/config\.yaml:[0-9]+: name: media/);
      await main(admin)
        .getByRole("button", { name: /^direct/ })
        .click();
      expect(await main(admin).locator(".programs > li").count()).toBe(1);
      await main(admin).getByRole("button", { name: /^all/ }).click();
    });

    test("the pending plan names the connections that change; dismissed, it is away until asked for", async () => {
      await open(admin, "changes");
      await main(admin).getByText("Open connections that change their path").waitFor({ timeout: 60_000 });
      expect(await main(admin).locator(".flows").textContent()).toContain("slack");
      await main(admin).getByRole("button", { name: "Dismiss" }).click();
      await main(admin).getByText("Dismissed until something changes.").waitFor();
      expect(await main(admin).getByRole("button", { name: "Apply" }).count()).toBe(0);
      await main(admin).getByRole("button", { name: "Show again" }).click();
      await main(admin).getByRole("button", { name: "Apply" }).waitFor();
    });

    test("where a program's flow goes, with the line of the file", async () => {
      await askWhere(admin, "10.9.0.1:8443", "/opt/jellyfin/jellyfin");
      await main(admin).getByText("Config and kernel agree.").waitFor();
      expect(await main(admin).locator(".answer").textContent()).toMatch(
        /home[\s\S]*rule “media”[\s\S]*\/etc\/awg\/config\.yaml:[0-9]+:/,
      );
    });

    test("what others change comes as an event, and is repaired", async () => {
      await open(admin, "events");
      host.inside(["ip", "address", "del", "10.9.0.2/32", "dev", "awg-home"]);
      await main(admin).getByText("Repairing").first().waitFor({ timeout: 30_000 });
      await main(admin).getByText("In sync").first().waitFor({ timeout: 30_000 });
    });

    test("a viewer looks, sees the file that is the truth, and has no button that acts", async () => {
      const address = await host.openUi(AS_VIEWER);
      viewer = await BrowserInNamespace.open(host.host.name, folder, PERSON.uid);
      await viewer.page.goto(address);
      await main(viewer).getByText("Only backup goes direct, as its rule says.").waitFor({ timeout: 60_000 });
      await viewer.page.getByText("viewer", { exact: true }).waitFor({ timeout: 60_000 });
      await main(viewer).getByText("You may look, not change.").waitFor();
      expect(await main(viewer).textContent()).toContain("/etc/awg/config.yaml");
      expect(await main(viewer).locator(".card", { hasText: "office:" }).textContent()).toMatch(
        /config\.yaml:[0-9]+: office:/,
      );
      for (const name of PAGES) {
        await open(viewer, name);
        expect(await viewer.violations(), name).toEqual([]);
        const acts = /^(Apply|Take down|Bring up|Pause|Put it back|Keep it|Undo)/;
        expect(await main(viewer).getByRole("button", { name: acts }).count(), name).toBe(0);
      }
      expect(viewer.requests.filter((url) => url.endsWith("/api/run"))).toEqual([]);
    });

    test("what a viewer may not ask is refused all the same", async () => {
      const token = await viewer.page.evaluate(`sessionStorage.getItem("awg-token")`);
      const headers = ["Content-Type: application/json", `Authorization: Bearer ${token}`];
      const refused = host.inside([
        ...AS_VIEWER,
        ...["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-d", '{"action":"down"}'],
        ...headers.flatMap((header) => ["-H", header]),
        `${new URL(viewer.page.url()).origin}/api/run`,
      ]);
      expect(refused).toBe("403");
    });

    test("pictures of every page, light, dark and on a phone", async () => {
      await open(admin, "overview");
      await admin.page.waitForTimeout(FILL_MS);
      for (const name of PAGES) {
        for (const look of ["light", "dark", "phone"] as const) {
          await admin.page.emulateMedia({ colorScheme: look === "dark" ? "dark" : "light" });
          await admin.page.setViewportSize(SIZES[look === "phone" ? "phone" : "light"]);
          await open(admin, name);
          if (name === "where") await askWhere(admin, "1.1.1.1:443", "/opt/firefox/firefox");
          if (name === "changes") await main(admin).getByRole("button", { name: "Apply" }).waitFor({ timeout: 60_000 });
          await admin.page.waitForTimeout(1_000);
          await admin.page.screenshot({ path: join(folder, `${name}-${look}.png`), animations: "disabled" });
        }
      }
      await open(viewer, "overview");
      await viewer.page.setViewportSize({ ...SIZES.light, height: 960 });
      await viewer.page.waitForTimeout(1_000);
      await viewer.page.screenshot({ path: join(folder, "viewer-light.png") });
      const { daemon } = JSON.parse(host.inside(["awg", "status", "--json"])) as { daemon: { pid: number } };
      host.inside(["kill", "-9", `${daemon.pid}`]);
      await open(admin, "overview");
      await admin.page.setViewportSize({ ...SIZES.light, height: 300 });
      await main(admin).getByText("The daemon does not answer").waitFor({ timeout: 10_000 });
      await admin.page.screenshot({ path: join(folder, "gone-light.png") });
      if (PICTURES === undefined) return;
      mkdirSync(PICTURES, { recursive: true });
      cpSync(folder, PICTURES, { recursive: true, filter: (path) => path === folder || path.endsWith(".png") });
    });

    test("nothing on the console", () => {
      expect([...admin.said, ...viewer.said]).toEqual([]);
    });

    async function askWhere(browser: BrowserInNamespace, address: string, path: string): Promise<void> {
      await open(browser, "where");
      await main(browser).getByLabel("Address").fill(address);
      await main(browser).getByLabel("Program (optional)").fill(path);
      await main(browser).getByRole("button", { name: "Show" }).click();
      await main(browser).locator(".answer").waitFor({ timeout: 60_000 });
    }
  },
);
