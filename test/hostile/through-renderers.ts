import { desiredForMac } from "../../src/compose/rendering/render-for-anyone.ts";
import { renderForMacos } from "../../src/compose/rendering/render-macos.ts";
import { renderNft } from "../../src/host/linux/firewall/render-nft.ts";
import { renderResourceText } from "../../src/host/linux/render/resource-text.ts";
import type { Config } from "../../src/model/config/config.ts";
import { loadConfig } from "../../src/model/config/load-config.ts";
import { AwgError } from "../../src/model/error.ts";
import type { DesiredState } from "../../src/model/resource.ts";
import { printable } from "../../src/model/text/printable.ts";
import { decodeMessages } from "../../src/native/linux/netlink/message.codec.ts";
import { decodeNftRule, encodeRule } from "../../src/native/linux/nftables/rule.codec.ts";
import { expand } from "../../src/resources/expand.ts";
import { parsePf } from "../host/darwin/pf/parse-pf.ts";
import type { PfParsedRule } from "../host/darwin/pf/pf-ruleset.ts";
import { facts, KEY_A, secretOf } from "../resources/sample.ts";
import type { Field } from "./schema-fields.ts";
import { pairs } from "./through-loader.ts";

/** Every rule that awg writes says in its label or comment what it is for: a paragraph of docs/security.md, or the policy. */
const OURS = /^(awg )?(S[0-9]|policy [0-9a-f])/;

/** All texts that a person writes freely and that renderers write down as comments or labels, at once. */
export const FREE_TEXTS: Field = {
  path: "every free text",
  instance: (name) => ({
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
      { destinations: ["192.0.2.128/25"], via: "block" },
    ],
    default: { via: "office" },
    killSwitch: { enabled: true, allow: [{ name, direction: "in", protocol: "tcp", ports: [22] }] },
  }),
};

/** What was rendered and what is wrong with it. */
export interface Rendered {
  readonly complaints: readonly string[];
  /** How many configurations reached the renderers of Linux, and of macOS. */
  readonly linux: number;
  readonly macos: number;
  readonly rules: number;
}

/** Puts those pairs of field and string that the loader accepts through every renderer of both systems. */
export function renderPairs(fields: readonly Field[], stride: number): Rendered {
  const complaints: string[] = [];
  const counts = { linux: 0, macos: 0, rules: 0 };
  for (const [{ path, instance }, text] of pairs(fields, stride)) {
    const { config } = loadConfig([{ name: "a.json", text: JSON.stringify(instance(text)) }]);
    if (config === undefined) continue;
    const complain = (what: string) => complaints.push(`${path} ${JSON.stringify(text).slice(0, 80)}: ${what}`);
    const forLinux = supported(() => expand(config, facts(), { pathNumbers: {}, secrets: secretOf }).desired);
    if (forLinux !== undefined) {
      counts.linux += 1;
      counts.rules += checkLinux(forLinux, complain);
    }
    const forMac = supported(() => desiredForMac(loaded(config)));
    if (forMac !== undefined) {
      counts.macos += 1;
      counts.rules += checkMac(forMac, complain);
    }
  }
  return { complaints, ...counts };
}

function loaded(config: Config): Parameters<typeof desiredForMac>[0] {
  return { config } as Parameters<typeof desiredForMac>[0];
}

/** Undefined where this version has no driver yet; any other error is the test's. */
function supported(work: () => DesiredState): DesiredState | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof AwgError && error.kind !== "bug") return undefined;
    throw error;
  }
}

function checkLinux({ resources }: DesiredState, complain: (what: string) => void): number {
  let count = 0;
  for (const resource of resources) {
    const text = renderResourceText(resource, ["eth0"]) ?? "";
    if (printable(text) !== text) complain(`${resource.key} is not printable`);
    if (resource.kind !== "firewall") continue;
    const tables = renderNft(resource.spec, { devices: ["eth0"], identity: "x", ownedTables: true });
    for (const rule of tables.flatMap(({ rules }) => rules)) {
      count += 1;
      const [message] = decodeMessages(encodeRule(rule));
      const back = message === undefined ? undefined : decodeNftRule(message);
      if (back?.comment !== rule.comment) complain(`a comment became ${JSON.stringify(back?.comment)}`);
      if (!OURS.test(rule.comment ?? "")) complain(`a rule says ${JSON.stringify(rule.comment)}`);
    }
  }
  return count;
}

function checkMac(desired: DesiredState, complain: (what: string) => void): number {
  let count = 0;
  for (const { key, text } of renderForMacos(desired).parts) {
    if (printable(text) !== text) complain(`${key} is not printable`);
    if (key !== "pf/com.awg") continue;
    try {
      const rules = parsePf(text).rules.flatMap(withBody);
      count += rules.length;
      for (const { line, action, options } of rules) {
        if (action !== "anchor" && !OURS.test(options.label ?? ""))
          complain(`PF's line ${line} is none of awg's rules`);
      }
    } catch (error) {
      complain(`PF would refuse: ${String(error)}`);
    }
  }
  return count;
}

function withBody(rule: PfParsedRule): readonly PfParsedRule[] {
  return [rule, ...(rule.body ?? []).flatMap(withBody)];
}
