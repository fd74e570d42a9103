import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/model/config/load-config.ts";

const FACTS = `${process.env["AWG_FACTS"] ?? fileURLToPath(new URL("../../../../shared/facts", import.meta.url))}/awg`;
const hasFacts = existsSync(`${FACTS}/uapi_validation.json`);
const why = "recorded answers of released programs (AWG_FACTS) are not here";

const PEER =
  "{ publicKey: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=, endpoint: 192.0.2.1:1, allowedIPs: [0.0.0.0/0] }";

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
  const text = `apiVersion: awg/v1
default: { via: direct }
tunnels:
  a: { protocol: amneziawg, privateKey: { file: /k }, peers: [${PEER}], obfuscation: ${JSON.stringify(obfuscation)} }
`;
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

describe.skipIf(!hasFacts)(`what released programs accept (${hasFacts ? "recorded" : why})`, () => {
  const probes: Probes = hasFacts ? JSON.parse(readFileSync(`${FACTS}/uapi_validation.json`, "utf8")) : {};

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

  const captures = hasFacts
    ? readdirSync(`${FACTS}/captures`).filter((name) => existsSync(`${FACTS}/captures/${name}/params.json`))
    : [];

  test.each(captures)("the parameters of the recorded exchange %s are accepted", (name) => {
    const { peers } = JSON.parse(readFileSync(`${FACTS}/captures/${name}/params.json`, "utf8"));
    for (const peer of Object.values(peers) as { awg?: Record<string, string> }[]) {
      expect(errorsOf(toObfuscation(peer.awg ?? {}))).toEqual([]);
    }
  });
});
