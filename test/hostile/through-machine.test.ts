import { describe, expect, test } from "vitest";
import { renderStatus, statusDocument } from "../../src/cli/verbs/inspect/status.view.ts";
import { renderDiff } from "../../src/cli/verbs/plan/diff.human.ts";
import { renderPlan } from "../../src/cli/verbs/plan/plan.human.ts";
import { styleFor } from "../../src/cli/views/style.ts";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { renderNft } from "../../src/host/linux/nft/render/render-nft.ts";
import { renderResourceText } from "../../src/host/linux/render/resource-text.ts";
import { importConf } from "../../src/interchange/import-config.ts";
import { exportConf } from "../../src/interchange/wg-quick/export-conf.ts";
import type { FirewallPolicy } from "../../src/model/firewall/policy.ts";
import { printable } from "../../src/model/text/printable.ts";
import { decodeMessages } from "../../src/native/linux/netlink/message.codec.ts";
import { decodeNftRule, encodeRule } from "../../src/native/linux/nftables/rule.codec.ts";
import { isGeneration } from "../../src/reconciler/journal/record-shape.ts";
import { type Expansion, expand } from "../../src/resources/expand.ts";
import { decodeLines, encodeLine } from "../../src/state/line.codec.ts";
import { facts, KEY_A, resourceOf, secretOf } from "../resources/sample.ts";
import { temporaryFolder } from "../support/folder.ts";
import { HOSTILE_STRINGS } from "./hostile-strings.ts";
import { planConfigFor } from "./planned-machine.ts";

/** A configuration with the text in every name that is free and may be applied. */
const textWith = (name: string): string =>
  JSON.stringify({
    apiVersion: "awg/v1",
    name,
    tunnels: {
      office: {
        protocol: "wireguard",
        privateKey: { file: "/k" },
        addresses: ["10.8.0.2/32"],
        peers: [{ name, publicKey: KEY_A, endpoint: "192.0.2.1:51820", allowedIPs: ["0.0.0.0/0"] }],
      },
    },
    rules: [
      { name, destinations: ["10.0.0.0/8"], via: "office" },
      { users: [`u${name}`.slice(0, 64)], via: "block" },
    ],
    default: { via: "office" },
    killSwitch: { enabled: true, allow: [{ name, direction: "in", protocol: "tcp", ports: [22] }] },
    invariants: [],
  });

const PLAIN = "plain";
/** Those that the loader lets through, each loaded once; the others were refused with their place. */
const CONFIGS: ReadonlyMap<string, Config> = new Map(
  [...HOSTILE_STRINGS, PLAIN].flatMap((name) => {
    const { config } = loadConfig([{ name: "a.json", text: textWith(name) }]);
    return config === undefined ? [] : [[name, config]];
  }),
);
const ACCEPTED = [...CONFIGS.keys()].filter((name) => name !== PLAIN);
const configWith = (name: string): Config => CONFIGS.get(name) as Config;
const EXPANSIONS: ReadonlyMap<string, Expansion> = new Map(
  [...CONFIGS].map(([name, config]) => [name, expand(config, facts(), { pathNumbers: {}, secrets: secretOf })]),
);
const expanded = (name: string): Expansion => EXPANSIONS.get(name) as Expansion;

function renderedFor(name: string): string {
  const { desired } = expanded(name);
  return printable(desired.resources.map((resource) => renderResourceText(resource, ["eth0"])).join("\n"));
}

describe("law 7: names that break out of where they are put", () => {
  test("there are many that the loader rightly accepts", () => {
    expect(ACCEPTED.length).toBeGreaterThan(250);
    expect(ACCEPTED).toContain('"; flush ruleset');
    expect(ACCEPTED).toContain("$(id)");
  });

  test("awg render: the same lines as with a plain name, but for the name", () => {
    const plain = renderedFor(PLAIN).split("\n");
    for (const name of ACCEPTED) {
      const lines = renderedFor(name).split("\n");
      expect([name, lines.length]).toEqual([name, plain.length]);
      const differing = lines.filter((line, index) => line !== plain[index]);
      for (const line of differing)
        expect([name, line.includes("#") || line.includes("comment")]).toEqual([name, true]);
    }
  });

  test("netlink: each rule's comment is decoded as it was encoded, and nothing else changes", () => {
    const rulesFor = (name: string) => {
      const policy = resourceOf(expanded(name), "firewall/machine").spec as FirewallPolicy;
      return renderNft(policy, { devices: ["eth0"], identity: "x", ownedTables: true }).flatMap(({ rules }) => rules);
    };
    const plain = rulesFor(PLAIN);
    let named = 0;
    for (const name of ACCEPTED) {
      const rules = rulesFor(name);
      expect(rules.map(({ expressions }) => expressions)).toEqual(plain.map(({ expressions }) => expressions));
      for (const rule of rules) {
        if (rule.comment === undefined || !rule.comment.includes(name)) continue;
        named += 1;
        const [message] = decodeMessages(encodeRule(rule));
        expect(message === undefined ? undefined : decodeNftRule(message)?.comment).toBe(rule.comment);
      }
    }
    expect(named).toBeGreaterThan(ACCEPTED.length);
  });

  test("state files: a generation is read back as it was written", () => {
    for (const name of ACCEPTED) {
      const { desired, pathNumbers } = expanded(name);
      const generation = { number: 1, configHash: "x", acceptedMs: 1, desired, pathNumbers, secretIds: [] };
      const { values, defect } = decodeLines(encodeLine(generation));
      expect([name, defect, values]).toEqual([name, undefined, [JSON.parse(JSON.stringify(generation))]]);
      expect([name, isGeneration(values[0])]).toEqual([name, true]);
    }
  });

  test("export as a conf: the same keys as with a plain name, and it is read back", () => {
    const confOf = (name: string): string => {
      const config = configWith(name);
      const tunnel = config.tunnels["office"];
      if (tunnel === undefined || !("privateKey" in tunnel)) throw new Error("the tunnel is gone");
      return exportConf(config, { name: "office", tunnel, secret: () => KEY_A }).text;
    };
    const keysOf = (text: string) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const plain = keysOf(confOf(PLAIN));
    for (const name of ACCEPTED) {
      const text = confOf(name);
      expect([name, keysOf(text)]).toEqual([name, plain]);
      const { findings } = importConf(text, { source: "office.conf", secretsDir: "/s", bootstrap: [] });
      expect([name, findings.filter(({ severity }) => severity === "error")]).toEqual([name, []]);
    }
  });

  test("plan, diff, status and saved plan of a machine: one document each, and lines of their own", async () => {
    const folder = temporaryFolder("hostile");

    const style = styleFor(false);
    const views = async (name: string) => {
      const { planned, status, saved } = await planConfigFor(textWith(name), folder);
      expect(JSON.parse(printable(saved))).toEqual(JSON.parse(saved));
      expect(JSON.parse(printable(JSON.stringify(statusDocument(status)))).formatVersion).toBe("1");
      const texts = [
        renderPlan(planned.plan, planned.traffic, style),
        renderDiff(planned, style, {}),
        renderStatus(status, style),
      ];
      return texts.map((text) => printable(text).split("\n").length);
    };
    const plain = await views(PLAIN);
    // Each takes a machine of its own; every 32nd name shows what the others would.
    for (const name of ACCEPTED.filter((_, index) => index % 32 === 0))
      expect([name, await views(name)]).toEqual([name, plain]);
  });
});
