import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { sampleConfig, THIRD_PEER_KEY } from "../support/config.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(`${ROOT}docs/reference/configuration.md`, "utf8");
const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = ""]) => yaml);

/** What the fragments on the page stand in. */
const AROUND = sampleConfig(`tunnels:
  office: { protocol: wireguard, privateKey: { file: /k }, peers: [{ publicKey: ${THIRD_PEER_KEY}, endpoint: 192.0.2.1:1, allowedIPs: [0.0.0.0/0] }] }
  proxy: { protocol: socks5, server: 192.0.2.1:1080 }
default: { via: office }
killSwitch: { enabled: true }
`);

describe("docs/reference/configuration.md", () => {
  test("shows configurations", () => {
    expect(blocks.length).toBeGreaterThan(1);
  });

  test.each(blocks)("%# is valid, without an error", (yaml) => {
    const own = { name: "page", text: yaml };
    const sources = yaml.includes("apiVersion") ? [own] : [{ name: "around", text: AROUND }, own];
    const { problems } = loadConfig(sources, { readInclude: (name) => ({ name, text: "name: machine\n" }) });
    expect(problems.filter(({ id }) => id !== "rule-direct-by-name")).toEqual([]);
  });
});

const examples = globSync("examples/*/config.yaml", { cwd: ROOT });

describe("examples", () => {
  test("there are some", () => {
    expect(examples.length).toBeGreaterThan(0);
  });

  test.each(examples)("%s has no problem", (path) => {
    expect(loadConfig([{ name: path, text: readFileSync(ROOT + path, "utf8"), mode: 0o644 }]).problems).toEqual([]);
  });
});
