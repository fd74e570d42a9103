import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../repository/sources.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { GROUPS, PrivateHost, WHO } from "./private-host.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "setpriv", "curl");
/** A user of its own, as the unit has. */
const GATEWAY_UID = "20100";
const GATEWAY = ["setpriv", `--reuid=${GATEWAY_UID}`, `--regid=${GROUPS["awg-viewer"]}`, "--clear-groups"];
/** As a page has them, for root: the stream ends after a while. */
const SHELL = `sudo() { "$@"; }
curl() { command curl --max-time 3 "$@"; }
`;

/** The commands of a page with curl(1), each on one line. */
function requestsOf(page: string): readonly string[] {
  const text = readFileSync(join(ROOT, "docs", page), "utf8");
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
  return blocks
    .flatMap((block) => block.replaceAll("\\\n", " ").split("\n"))
    .filter((line) => line.startsWith("sudo curl"));
}

describe.skipIf(obstacle !== undefined)(
  `what the pages of the API show works as written${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const program = useBuiltProgram();
    let host: PrivateHost;
    const request = (path: string, ...words: readonly string[]) =>
      host.run(["curl", "-sS", "--max-time", "5", ...words, `http://127.0.0.1:1777${path}`]).stdout;

    beforeAll(async () => {
      host = await PrivateHost.make(temporaryFolder("documented"), program());
      host.run(["mkdir", "-p", "-m", "700", "/etc/awg"]);
      host.run(["cp", host.config, "/etc/awg/config.yaml"]);
      const owner = ["-o", GATEWAY_UID, "-g", String(GROUPS["awg-viewer"])];
      host.run(["install", "-d", "-m", "750", ...owner, "/run/awg-gateway"]);
      await host.startDaemon();
      await host.start(host.argv("api"), "answering on ");
      await host.start(host.argv("gateway"), "answering on ", GATEWAY);
    }, 120_000);
    afterAll(() => host.end(), 60_000);

    test.each(["reference/api.md", "how-to/monitoring.md"])("%s", (page) => {
      const requests = requestsOf(page);
      expect(requests.length).toBeGreaterThan(1);
      for (const line of requests) {
        const { stdout, stderr, status } = host.run(["sh", "-c", `${SHELL}${line}`]);
        const isStream = line.includes(" -N ");
        expect([line, isStream ? stdout.includes("event: snapshot") : [stderr.includes("rror"), status]]).toEqual([
          line,
          isStream ? true : [false, 0],
        ]);
        if (line.includes("/metrics")) expect(stdout).toMatch(/^awg_condition\{condition="Protected"\} 1$/m);
        if (line.includes("/api/status")) expect(JSON.parse(stdout)).toMatchObject({ status: { generation: 1 } });
        if (line.includes("/api/run")) expect(JSON.parse(stdout)).toMatchObject({ code: 0, data: { steps: [] } });
      }
    });

    test("law 8: the gateway demands its token, and changes nothing", () => {
      const token = host.run(["cat", "/run/awg-gateway/token"]).stdout.trim();
      const bearer = ["-H", `Authorization: Bearer ${token}`];
      expect(JSON.parse(request("/metrics"))).toMatchObject({ code: 401 });
      expect(JSON.parse(request("/api/status", "-H", "Authorization: Bearer wrong"))).toMatchObject({ code: 401 });
      expect(JSON.parse(request("/api/status", ...bearer))).toMatchObject({ role: "viewer" });
      expect(JSON.parse(request("/api/status", ...bearer, "-H", "Host: evil"))).toMatchObject({ code: 421 });
      const down = ["-H", "Content-Type: application/json", "-d", '{"action":"down"}'];
      expect(JSON.parse(request("/api/run", ...bearer, ...down))).toMatchObject({ code: 403 });
      const code = ["-H", "Content-Type: application/json", "-d", '{"code":"x"}'];
      expect(JSON.parse(request("/api/session", ...code))).toMatchObject({ code: 401 });
      expect(JSON.parse(request("/", ...bearer))).toMatchObject({ code: 404 });
      const others = host.run(["cat", "/run/awg-gateway/token"], WHO.stranger);
      expect([others.status, others.stdout]).toEqual([1, ""]);
      expect(host.run(["cat", "/run/awg-gateway/token"], WHO["viewer by supplementary group"]).stdout).toContain(token);
    });

    test("law 8: the gateway does not run as root, nor beyond loopback", () => {
      expect(host.awg("gateway")).toMatchObject({ status: 77, stderr: expect.stringContaining("not run as root") });
      expect(host.awg("gateway", "--listen", "0.0.0.0:1777")).toMatchObject({ status: 64 });
    });
  },
);
