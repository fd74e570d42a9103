import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { sampleConfig, THIRD_PEER_KEY } from "../support/config.ts";
import { facts, readFacts } from "../support/facts.ts";

const PEER = `{ publicKey: ${THIRD_PEER_KEY}, endpoint: 192.0.2.1:1, allowedIPs: [0.0.0.0/0] }`;

/** UAPI keys as they are called in the configuration. */
function toObfuscation(parameters: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => {
      const name = key.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
      if (key === "header_protection_key") return [name, { inline: Buffer.from(value, "hex").toString("base64") }];
      if (key === "random_trailers" || key === "disable_cookies") return [name, value === "1" || value === "true"];
      return [name, /^-?[0-9]+$/.test(value) ? Number(value) : value];
    }),
  );
}

/** Errors, and what is said about programs of one version refusing it. */
function errorsOf(obfuscation: Readonly<Record<string, unknown>>): string[] {
  const text = sampleConfig(`default: { via: direct }
tunnels:
  a: { protocol: amneziawg, privateKey: { file: /k }, peers: [${PEER}], obfuscation: ${JSON.stringify(obfuscation)} }
`);
  const { problems } = loadConfig([{ name: "a.yaml", text }]);
  return problems
    .filter(({ id, severity }) => severity === "error" || id === "obfuscation-version-tag")
    .map(({ id }) => id);
}

type Probes = Readonly<Record<string, Readonly<Record<string, { readonly errno: string }>>>>;

/** What we accept although a release of that version refuses it, with the reason. */
const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  "2.0 v0.2.19: jc=0": "that release cannot be told to send none; who sends the set leaves a zero out",
  "2.0 v0.2.19: jmin=0": "the same",
};

/** A word of the UAPI that has no counterpart here: there are booleans. */
const NOT_OURS: readonly string[] = ["random_trailers=on"];

describe("what released programs accept", () => {
  const probes = readFacts<Probes>("amneziawg/uapi_validation.json");

  test("whatever is accepted here for a version, its releases accept too", () => {
    const wrong: string[] = [];
    for (const [probe, answers] of Object.entries(probes)) {
      if (NOT_OURS.includes(probe)) continue;
      const parameters = Object.fromEntries(probe.split("|").map((pair) => pair.split(/=(.*)/s) as [string, string]));
      for (const [release, { errno }] of Object.entries(answers)) {
        const version = release.slice(0, 3);
        const isAccepted = errorsOf({ version, ...toObfuscation(parameters) }).length === 0;
        if (isAccepted && errno !== "0" && KNOWN_DIFFERENCES[`${release}: ${probe}`] === undefined)
          wrong.push(`${release}: ${probe}`);
      }
    }
    expect(Object.keys(probes).length).toBeGreaterThan(50);
    expect(wrong).toEqual([]);
  });

  const captures = readdirSync(facts("amneziawg/captures")).filter((name) => name !== "INDEX.json");

  test.each(captures)("the parameters of the recorded exchange %s are accepted", (name) => {
    const { peers } = readFacts<{ peers: Record<string, { awg?: Record<string, string> }> }>(
      `amneziawg/captures/${name}/params.json`,
    );
    for (const peer of Object.values(peers)) {
      expect(errorsOf(toObfuscation(peer.awg ?? {}))).toEqual([]);
    }
  });
});
