import { describe, expect, test } from "vitest";
import { filesBelow, type Import, importsOf } from "./sources.ts";

/** Who may import whom, as design says; each row with its reason. Rows are tried in order, the first that fits holds. */
interface Room {
  readonly folder: RegExp;
  readonly may: readonly RegExp[];
  readonly node: boolean;
  readonly packages: readonly string[];
  readonly why: string;
}

const ROOMS: readonly Room[] = [
  {
    folder: /^src\/model\//,
    may: [/^src\/model\//],
    node: false,
    packages: ["zod", "yaml"],
    why: "the nouns are pure and depend on nothing",
  },
  {
    folder: /^src\/reconciler\//,
    may: [/^src\/model\//, /^src\/reconciler\//, /^src\/host\/ports\//, /^src\/resources\/driver\.ts$/],
    node: false,
    packages: ["xstate"],
    why: "decisions are pure; effects come in through ports",
  },
  {
    folder: /^src\/state\//,
    may: [/^src\/model\//, /^src\/reconciler\//, /^src\/state\//, /^src\/native\//],
    node: true,
    packages: [],
    why: "state is files and fsync, nothing of the machine",
  },
  {
    folder: /^src\/resources\//,
    may: [/^src\/model\//, /^src\/resources\//, /^src\/host\/ports\//],
    node: false,
    packages: [],
    why: "a kind knows the machine through the Host alone",
  },
  {
    folder: /^src\/host\/ports\//,
    may: [/^src\/model\//, /^src\/host\/ports\//],
    node: false,
    packages: [],
    why: "interfaces only",
  },
  {
    folder: /^src\/host\/probes\//,
    may: [/^src\/model\//, /^src\/host\/ports\//, /^src\/host\/probes\//],
    node: true,
    packages: [],
    why: "what probes do on every real machine, over sockets that each has of its own",
  },
  {
    folder: /^src\/host\/simulated\//,
    may: [/^src\/model\//, /^src\/host\/ports\//, /^src\/host\/simulated\//],
    node: false,
    packages: [],
    why: "the simulated machine is a pure little world",
  },
  {
    folder: /^src\/host\/linux\//,
    may: [/^src\/model\//, /^src\/host\/(ports|probes)\//, /^src\/host\/linux\//, /^src\/native\/linux\//],
    node: true,
    packages: ["@homebridge/dbus-native"],
    why: "a real machine stands on its native layer alone",
  },
  {
    folder: /^src\/native\/.*\.ffi\.ts$/,
    may: [/^src\/model\//, /^src\/native\//],
    node: true,
    packages: ["koffi"],
    why: "only .ffi.ts may reach the kernel",
  },
  {
    folder: /^src\/native\/.*\.codec\.ts$/,
    may: [/^src\/model\//, /^src\/native\//],
    node: false,
    packages: [],
    why: "a codec is bytes in, data out",
  },
  {
    folder: /^src\/native\//,
    may: [/^src\/model\//, /^src\/native\//],
    node: true,
    packages: [],
    why: "native builds on model only",
  },
  {
    folder: /^src\/host\/darwin\//,
    may: [/^src\/model\//, /^src\/host\/(ports|probes)\//, /^src\/host\/darwin\//, /^src\/native\/darwin\//],
    node: true,
    packages: [],
    why: "a real machine stands on its native layer alone",
  },
  {
    folder: /^src\/engine\//,
    may: [/^src\/model\//, /^src\/engine\//],
    node: false,
    packages: ["@noble/ciphers", "@noble/curves", "@noble/hashes"],
    why: "the protocol is bytes and now in, outputs out",
  },
  {
    folder: /^src\/dataplane\//,
    may: [/^src\/model\//, /^src\/engine\//, /^src\/dataplane\//, /^src\/host\/ports\//, /^src\/native\//],
    node: true,
    packages: [],
    why: "the loop owns sockets and devices; what a packet means is the engine's",
  },
  {
    folder: /^src\/keeper\//,
    may: [
      /^src\/model\//,
      /^src\/keeper\//,
      /^src\/dataplane\//,
      /^src\/native\//,
      /^src\/host\/ports\//,
      /^src\/state\//,
      /^src\/reconciler\//,
    ],
    node: true,
    packages: [],
    why: "the keeper outlives the others, so it needs little",
  },
  {
    folder: /^src\/daemon\//,
    may: [
      /^src\/model\//,
      /^src\/daemon\//,
      /^src\/reconciler\//,
      /^src\/host\/ports\//,
      /^src\/resources\//,
      /^src\/state\//,
    ],
    node: true,
    packages: ["chokidar", "xstate"],
    why: "the daemon hosts the loop; its death changes nothing on the machine",
  },
  {
    folder: /^src\/compose\//,
    may: [/^src\/(?!cli\/)/],
    node: true,
    packages: [],
    why: "the only place that names the hosts together",
  },
  {
    folder: /^src\/cli\//,
    may: [/^src\/model\//, /^src\/compose\//, /^src\/cli\//],
    node: true,
    packages: ["commander"],
    why: "commands and views; everything else comes through compose",
  },
];

function reasonAgainst({ file, target, isType }: Import): string | undefined {
  const room = ROOMS.find((candidate) => candidate.folder.test(file));
  if (room === undefined) return `${file} stands in no room of the house (test/repository/layers.test.ts lists them)`;
  const complaint = `${file} → ${target}: ${room.why}`;
  if (target.startsWith("node:")) return room.node || isType ? undefined : complaint;
  if (target.startsWith("src/")) return room.may.some((allowed) => allowed.test(target)) ? undefined : complaint;
  if (target.endsWith(".json")) return undefined;
  return room.packages.some((name) => target === name || target.startsWith(`${name}/`)) ? undefined : complaint;
}

describe("the house", () => {
  const files = filesBelow("src").filter((file) => file.endsWith(".ts"));

  test("imports go only where the design lets them", () => {
    const imports = files.flatMap(importsOf);
    expect(files.length, "the layer test saw no files").toBeGreaterThan(20);
    expect(imports.length, "the layer test saw no imports").toBeGreaterThan(20);
    expect(imports.map(reasonAgainst).filter((reason) => reason !== undefined)).toEqual([]);
  });

  test.each([
    ["src/model/ip.ts", "node:fs"],
    ["src/model/ip.ts", "src/host/ports/host.ts"],
    ["src/reconciler/plan/order.ts", "src/host/linux/links.ts"],
    ["src/cli/verbs/apply.ts", "src/host/linux/links.ts"],
    ["src/native/linux/tun.ts", "koffi"],
    ["src/host/linux/links.ts", "src/keeper/keeper.ts"],
  ])("refuses %s → %s", (file, target) => {
    expect(reasonAgainst({ file, target, isType: false })).toBeDefined();
  });

  test("the leak lab imports nothing of the product", () => {
    const lab = filesBelow("test/lab").filter((file) => file.endsWith(".ts"));
    expect(lab.length).toBeGreaterThan(0);
    expect(lab.flatMap(importsOf).filter(({ target }) => target.startsWith("src/"))).toEqual([]);
  });
});
