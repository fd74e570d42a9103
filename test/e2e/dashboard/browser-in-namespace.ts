import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";

/** A real Chromium in a network namespace, with one page and what that page asked for and printed. */
export class BrowserInNamespace {
  readonly page: Page;
  /** Addresses of all requests, in order. */
  readonly requests: readonly string[];
  /** Lines of the console and uncaught errors. */
  readonly said: readonly string[];
  readonly #browser: Browser;

  private constructor(browser: Browser, page: Page) {
    const [requests, said]: [string[], string[]] = [[], []];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (line) => said.push(`${line.type()}: ${line.text()} ${line.location().url}`));
    page.on("pageerror", (error) => said.push(`error: ${error.message}`));
    this.page = page;
    this.requests = requests;
    this.said = said;
    this.#browser = browser;
  }

  /**
   * @param folder gets a starter: Playwright's pipes pass through `ip netns exec`
   * @param uid the user that it runs as
   */
  static async open(namespace: string, folder: string, uid = 0): Promise<BrowserInNamespace> {
    const starter = join(folder, `chromium-${uid}`);
    const words = `ip netns exec ${namespace} setpriv --reuid=${uid} --regid=${uid} --clear-groups`;
    writeFileSync(
      starter,
      `#!/bin/sh
for word; do case $word in --user-data-dir=*) chown -R ${uid} "\${word#*=}"; export HOME="\${word#*=}";; esac; done
exec ${words} chromium "$@"
`,
    );
    chmodSync(starter, 0o700);
    const browser = await chromium.launch({ executablePath: starter, args: ["--no-sandbox"] });
    const page = await browser.newPage({ viewport: { width: 1_120, height: 820 } });
    return new BrowserInNamespace(browser, page);
  }

  /** Bytes of the page's heap after a collection. */
  async heapBytes(): Promise<number> {
    const devtools = await this.page.context().newCDPSession(this.page);
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    await devtools.detach();
    return usedSize;
  }

  /** What axe-core finds wrong with the page as it is now, one line each. */
  async violations(): Promise<readonly string[]> {
    await this.page.evaluate(axe.source);
    return this.page.evaluate(`axe.run().then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + " " + target + " " + failureSummary)))`);
  }

  /** Presses Tab until the element with this name has the focus. */
  async tabTo(name: string): Promise<void> {
    const focused = `(document.activeElement?.labels?.[0]?.innerText ?? document.activeElement?.innerText ?? "").trim()`;
    for (let pressed = 0; pressed < 60; pressed += 1) {
      await this.page.keyboard.press("Tab");
      if ((await this.page.evaluate(focused)) === name) return;
    }
    throw new Error(`Tab does not reach "${name}"`);
  }

  /** Makes the page believe that it is hidden or shown: headless Chromium never hides one. */
  async setHidden(hidden: boolean): Promise<void> {
    await this.page.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} });
      Object.defineProperty(document, "visibilityState", { configurable: true, value: "${hidden ? "hidden" : "visible"}" });
      document.dispatchEvent(new Event("visibilitychange"));`);
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}
