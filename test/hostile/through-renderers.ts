import { renderForMacos } from "../../src/app/render/render-macos.ts";
import { desiredForMac } from "../../src/app/render/render-offline.ts";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { renderNft } from "../../src/host/linux/nft/render/render-nft.ts";
import { renderResourceText } from "../../src/host/linux/render/resource-text.ts";
import { AwgError } from "../../src/model/error.ts";
import type { FirewallPolicy } from "../../src/model/firewall/policy.ts";
import type { DesiredState } from "../../src/model/resources/desired-state.ts";
import { printable } from "../../src/model/text/printable.ts";
import { decodeMessages } from "../../src/native/linux/netlink/message.codec.ts";
import { decodeNftRule, encodeRule } from "../../src/native/linux/nftables/rule.codec.ts";
import { expand } from "../../src/resources/expand.ts";
import { parsePf } from "../host/darwin/pf/parse-pf.ts";
import type { PfParsedRule } from "../host/darwin/pf/pf-ruleset.ts";
import { facts, KEY_A, secretOf } from "../resources/sample.ts";
import { statementsOf } from "./read-back.ts";
import type { Field } from "./schema-fields.ts";
import { pairs } from "./through-loader.ts";

/** Every rule that awg writes says in its label or comment what it is for: a rule by number, or the policy. */
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

/** Chains that bear the name of a tunnel's device. */
const OF_A_TUNNEL = /^(mark|to)-(?!direct$|block$).*/;

/** What was rendered and what is wrong with it. */
export interface Rendered {
  readonly complaints: readonly string[];
  /** How many configurations reached the renderers of Linux, and of macOS. */
  readonly linux: number;
  readonly macos: number;
  /** How many statements were read back. */
  readonly rules: number;
  /** How many of the configurations were held against the same one with a harmless word in that field. */
  readonly twins: number;
}

/** A word that every field takes which takes any text. */
const HARMLESS = "plain";

/** The kinds of all statements that a configuration becomes, by system; undefined where it becomes nothing there. */
interface Shape {
  readonly linux: readonly string[] | undefined;
  readonly macos: readonly string[] | undefined;
}

type Complain = (what: string) => void;

/**
 * Puts those pairs of field and string that the loader accepts through every renderer of both systems, and reads the
 * texts back: each is statements of known kinds alone, and where the field takes any text, statements of the same kinds
 * as with a harmless word there.
 */
export function renderPairs(fields: readonly Field[], stride: number): Rendered {
  const complaints: string[] = [];
  const counts = { linux: 0, macos: 0, rules: 0, twins: 0 };
  const harmless = new Map<Field, Shape | undefined>();
  for (const [field, text] of pairs(fields, stride)) {
    const complain = (what: string) => complaints.push(`${field.path} ${JSON.stringify(text).slice(0, 80)}: ${what}`);
    const shape = shapeOf(field.instance(text), complain);
    if (shape === undefined) continue;
    if (!harmless.has(field)) harmless.set(field, shapeOf(field.instance(HARMLESS), complain));
    const twin = harmless.get(field);
    for (const system of ["linux", "macos"] as const) {
      const [statements, theirs] = [shape[system], twin?.[system]];
      if (statements === undefined) continue;
      counts[system] += 1;
      counts.rules += statements.length;
      if (theirs === undefined) continue;
      counts.twins += 1;
      if (statements.join("\n") !== theirs.join("\n"))
        complain(`other statements: ${differenceOf(statements, theirs)}`);
    }
  }
  return { complaints, ...counts };
}

function differenceOf(some: readonly string[], others: readonly string[]): string {
  const only = (these: readonly string[], those: readonly string[]) => these.filter((one) => !those.includes(one));
  return JSON.stringify({ here: only(some, others), there: only(others, some), counts: [some.length, others.length] });
}

/** Undefined when the loader refuses the configuration. */
function shapeOf(instance: object, complain: Complain): Shape | undefined {
  const { config } = loadConfig([{ name: "a.json", text: JSON.stringify(instance) }]);
  if (config === undefined) return undefined;
  const forLinux = supported(() => expand(config, facts(), { pathNumbers: {}, secrets: secretOf }).desired);
  const forMac = supported(() => desiredForMac(loaded(config)).desired);
  return {
    linux: forLinux === undefined ? undefined : readLinux(forLinux, complain).toSorted(),
    macos: forMac === undefined ? undefined : readMac(forMac, complain).toSorted(),
  };
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

function readLinux({ resources }: DesiredState, complain: Complain): string[] {
  return resources.flatMap((resource) => {
    const text = renderResourceText(resource, ["eth0"]);
    if (printable(text) !== text) complain(`${resource.key} is not printable`);
    return resource.kind === "firewall" ? readNft(resource.spec, complain) : readText(resource.key, text, complain);
  });
}

/** Rules as the kernel is sent them, read back from the bytes. */
function readNft(policy: FirewallPolicy, complain: Complain): string[] {
  const tables = renderNft(policy, { devices: ["eth0"], identity: "x", ownedTables: true });
  return tables.flatMap(({ rules }) =>
    rules.map((rule) => {
      const [message] = decodeMessages(encodeRule(rule));
      const back = message === undefined ? undefined : decodeNftRule(message);
      if (back?.comment !== rule.comment) complain(`a comment became ${JSON.stringify(back?.comment)}`);
      if (!OURS.test(rule.comment ?? "")) complain(`a rule says ${JSON.stringify(rule.comment)}`);
      const chain = back?.chain.replace(OF_A_TUNNEL, "$1-(tunnel)");
      return `nft ${back?.family} ${back?.table} ${chain}: ${back?.expressions.map(({ kind }) => kind).join(" ")}`;
    }),
  );
}

function readMac(desired: DesiredState, complain: Complain): string[] {
  return renderForMacos(desired).parts.flatMap(({ key, text }) => {
    if (printable(text) !== text) complain(`${key} is not printable`);
    return key.startsWith("pf/") ? readPf(text, complain) : readText(key, text, complain);
  });
}

function readText(key: string, text: string, complain: Complain): string[] {
  try {
    return statementsOf(key, text);
  } catch (error) {
    complain(`${key}: ${String(error)}`);
    return [];
  }
}

function readPf(text: string, complain: Complain): string[] {
  try {
    return parsePf(text)
      .rules.flatMap(withBody)
      .map(({ line, action, options }) => {
        const isOurs = action === "anchor" || OURS.test(options.label ?? "");
        if (!isOurs) complain(`PF's line ${line} is none of awg's rules`);
        return `pf ${action}: ${Object.keys(options).toSorted().join(" ")}`;
      });
  } catch (error) {
    complain(`PF would refuse: ${String(error)}`);
    return [];
  }
}

function withBody(rule: PfParsedRule): readonly PfParsedRule[] {
  return [rule, ...(rule.body ?? []).flatMap(withBody)];
}
