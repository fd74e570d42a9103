import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { THIRD_PEER_KEY } from "../support/config.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);
const load = (text: string) => loadConfig([{ name: "a.yaml", text }]);

describe("one wrong value", () => {
  test("law 7: a good configuration with one value replaced by anything never throws", () => {
    const good = {
      apiVersion: "awg/v1",
      name: "x",
      tunnels: {
        a: {
          protocol: "amneziawg",
          privateKey: { file: "/k" },
          obfuscation: { jc: 4, jmin: 1, jmax: 2, h1: "5-9", i1: "<r 8>" },
          peers: [{ publicKey: THIRD_PEER_KEY, endpoint: "a:1", allowedIPs: ["::/0"] }],
        },
        p: { protocol: "socks5", server: "a:1", auth: { username: "x", password: { env: "X" } } },
      },
      rules: [
        {
          name: "r",
          apps: ["x", { path: "/x" }],
          ports: [1],
          not: { users: ["x"] },
          via: "a",
          fallback: { failover: ["p"] },
        },
      ],
      default: { via: "a" },
      killSwitch: { enabled: true, allow: [{ direction: "in", protocol: "tcp", ports: 22 }] },
      dns: { servers: ["192.0.2.1"], bootstrap: ["192.0.2.1"], split: { "a.example": ["192.0.2.1"] } },
      invariants: [{ never: { apps: "x", via: "direct" } }],
      probes: [{ name: "p", type: "ping", target: "192.0.2.1" }],
    };
    expect(load(JSON.stringify(good)).problems).toEqual([]);
    const paths = allPaths(good);
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 3 }), (path, value) => {
        const { config, problems } = load(JSON.stringify(replaceAt(good, path, value)));
        expect(config === undefined).toBe(problems.some(({ severity }) => severity === "error"));
      }),
      { seed, numRuns: 300 },
    );
  });
});

type Path = readonly (string | number)[];

function allPaths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const steps = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [
    path,
    ...steps.flatMap((step) => allPaths((value as Record<string | number, unknown>)[step], [...path, step])),
  ];
}

function replaceAt(value: unknown, [step, ...rest]: Path, replacement: unknown): unknown {
  if (step === undefined) return replacement;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[step] = replaceAt(copy[step], rest, replacement);
  return copy;
}
