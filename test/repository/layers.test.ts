import { describe, expect, test } from "vitest";
import { filesBelow, type Import, importsOf, read } from "./sources.ts";

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
    folder: /^src\/config\//,
    may: [/^src\/(model|uapi|config)\//],
    node: false,
    packages: ["zod", "yaml"],
    why: "text becomes a typed Config, or problems with a place; pure",
  },
  {
    folder: /^src\/lists\//,
    may: [/^src\/(model|config|lists)\//],
    node: false,
    packages: [],
    why: "lists of destinations and databases of countries: hostile bytes to prefixes and names; pure",
  },
  {
    folder: /^src\/uapi\//,
    may: [/^src\/(model|uapi)\//],
    node: false,
    packages: [],
    why: "the control protocol of WireGuard engines: text to data and back",
  },
  {
    folder: /^src\/interchange\//,
    may: [/^src\/(model|config|uapi|interchange)\//],
    node: false,
    packages: [],
    why: "other programs' configurations, read and written; pure",
  },
  {
    folder: /^src\/verify\//,
    may: [
      /^src\/(model|verify)\//,
      /^src\/native\/linux\/nftables\//,
      /^src\/native\/linux\/attribute\.codec\.ts$/,
      /^src\/host\/linux\/nft\/(render|observe)\//,
    ],
    node: false,
    packages: [],
    why: "proofs are pure: packets, policies and rules as data",
  },
  {
    folder: /^src\/reconciler\//,
    may: [/^src\/model\//, /^src\/uapi\//, /^src\/reconciler\//, /^src\/host\/ports\//, /^src\/resources\/driver\.ts$/],
    node: false,
    packages: ["xstate"],
    why: "decisions are pure; effects come in through ports",
  },
  {
    folder: /^src\/state\//,
    may: [/^src\/model\//, /^src\/uapi\//, /^src\/reconciler\//, /^src\/state\//, /^src\/native\//],
    node: true,
    packages: [],
    why: "state is files and fsync, nothing of the host's network",
  },
  {
    folder: /^src\/resources\//,
    may: [/^src\/(model|config|lists|uapi)\//, /^src\/resources\//, /^src\/host\/ports\//],
    node: false,
    packages: [],
    why: "a kind knows the host through the Host port alone",
  },
  {
    folder: /^src\/host\/ports\//,
    may: [/^src\/model\//, /^src\/verify\//, /^src\/host\/ports\//],
    node: false,
    packages: [],
    why: "interfaces only",
  },
  {
    folder: /^src\/host\/probes\//,
    may: [/^src\/model\//, /^src\/host\/ports\//, /^src\/host\/probes\//],
    node: true,
    packages: [],
    why: "what probes do on every real host, over the sockets of that host",
  },
  {
    folder: /^src\/host\/simulated\//,
    may: [/^src\/model\//, /^src\/host\/ports\//, /^src\/host\/simulated\//],
    node: false,
    packages: [],
    why: "the simulated host is pure",
  },
  {
    folder: /^src\/host\/linux\//,
    may: [
      /^src\/(model|uapi|verify)\//,
      /^src\/host\/(ports|probes)\//,
      /^src\/host\/linux\//,
      /^src\/native\/linux\//,
    ],
    node: true,
    packages: ["@homebridge/dbus-native"],
    why: "a real host uses its own native layer alone",
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
    may: [/^src\/(model|uapi)\//, /^src\/host\/(ports|probes)\//, /^src\/host\/darwin\//, /^src\/native\/darwin\//],
    node: true,
    packages: [],
    why: "a real host uses its own native layer alone",
  },
  {
    folder: /^src\/engine\//,
    may: [/^src\/(model|config|uapi)\//, /^src\/engine\//],
    node: false,
    packages: ["@noble/ciphers", "@noble/curves", "@noble/hashes"],
    why: "the protocol is bytes and now in, outputs out",
  },
  {
    folder: /^src\/dataplane\//,
    may: [
      /^src\/(model|config|uapi)\//,
      /^src\/engine\//,
      /^src\/dataplane\//,
      /^src\/host\/ports\//,
      /^src\/native\//,
    ],
    node: true,
    packages: [],
    why: "the loop owns sockets and devices; the engine decides what a packet means",
  },
  {
    folder: /^src\/relay\/(protocol\/|.*\.codec\.ts$)/,
    may: [/^src\/model\//, /^src\/relay\/protocol\//, /^src\/native\/packet-system\.ts$/],
    node: false,
    packages: [],
    why: "proxy protocols are bytes in, bytes out",
  },
  {
    folder: /^src\/relay\//,
    may: [/^src\/(model|relay)\//, /^src\/native\//],
    node: true,
    packages: [],
    why: "a relay has no privileges, so it needs sockets only",
  },
  {
    folder: /^src\/resolver\//,
    may: [/^src\/(model|resolver)\//],
    node: true,
    packages: ["dns-packet"],
    why: "the resolver reads what the network sends, so it needs and may do little",
  },
  {
    folder: /^src\/keeper\//,
    may: [
      /^src\/(model|uapi)\//,
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
    may: [/^src\/(model|api|config|daemon|reconciler|resources|state|app|host\/ports)\//],
    node: true,
    packages: ["chokidar", "xstate"],
    why: "the daemon hosts the loop; its death changes nothing on the host",
  },
  {
    folder: /^src\/api\//,
    may: [/^src\/(model|api)\//],
    node: false,
    packages: [],
    why: "what can be asked, as data; whoever asks or answers imports it",
  },
  {
    folder: /^src\/client\/(events|link|view)\//,
    may: [/^src\/client\/(client-api\.ts$|events\/|link\/|view\/)/],
    node: false,
    packages: [],
    why: "what a client decides is pure, and runs in a browser",
  },
  {
    folder: /^src\/client\/(awg-client|client-api|open-client|live-link|subscribers)\.ts$|^src\/client\/transport\//,
    may: [/^src\/client\//],
    node: false,
    packages: [],
    why: "the client library runs in browsers, too; it brings nothing else of awg",
  },
  {
    folder: /^src\/client\//,
    may: [/^src\/(model|api|client)\//],
    node: true,
    packages: [],
    why: "a client knows what can be asked, and nothing of the host",
  },
  {
    folder: /^src\/http\/grpc\//,
    may: [/^src\/(model|api|http)\//],
    node: true,
    packages: ["@grpc/grpc-js", "@bufbuild/protobuf"],
    why: "gRPC is one more form of the same answers",
  },
  {
    folder: /^src\/http\//,
    may: [/^src\/(model|api|http)\//],
    node: true,
    packages: [],
    why: "the API over HTTP knows what can be asked; who answers comes in from outside",
  },
  {
    folder: /^src\/app\/doctor\//,
    may: [/^src\/(?!cli\/|daemon\/|compose\/|native\/|host\/(linux|darwin|simulated)\/)/],
    node: true,
    packages: [],
    why: "doctor judges what ports report; it reads no kernel itself",
  },
  {
    folder: /^src\/app\//,
    may: [/^src\/(?!cli\/|daemon\/|compose\/|native\/)/],
    node: true,
    packages: [],
    why: "one use case a folder, one door each",
  },
  {
    folder: /^src\/compose\//,
    may: [/^src\/(?!cli\/)/],
    node: true,
    packages: [],
    why: "the only place that names the hosts together",
  },
  {
    folder: /^src\/cli\/documents\//,
    may: [/^src\/cli\/documents\//],
    node: false,
    packages: ["zod"],
    why: "the forms of JSON documents are data; verbs take their types alone",
  },
  {
    folder: /^src\/cli\//,
    may: [/^src\/(model|api|config|uapi|interchange|verify|app|daemon|compose|cli)\//],
    node: true,
    packages: ["commander"],
    why: "commands and views; everything else comes through use cases",
  },
];

function reasonAgainst({ file, target, isType }: Import): string | undefined {
  const room = ROOMS.find((candidate) => candidate.folder.test(file));
  if (room === undefined) return `${file} is in no folder of the design (test/repository/layers.test.ts lists them)`;
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
    ["src/reconciler/plan/steps/order.ts", "src/host/linux/links.ts"],
    ["src/cli/verbs/change/apply.ts", "src/host/linux/links.ts"],
    ["src/native/linux/tun.ts", "koffi"],
    ["src/host/linux/links.ts", "src/keeper/keeper.ts"],
    ["src/app/plan/planner.ts", "src/compose/open.ts"],
    ["src/app/wg-tool/tunnel-sockets.ts", "src/native/unix-exchange-here.ts"],
    ["src/daemon/run-daemon.ts", "src/compose/open.ts"],
  ])("refuses %s → %s", (file, target) => {
    expect(reasonAgainst({ file, target, isType: false })).toBeDefined();
  });

  test("outside of compose three files ask for the operating system", () => {
    const asking = files.filter((file) => !file.startsWith("src/compose/") && read(file).includes("process.platform"));
    expect(asking).toEqual(["src/cli/terminal.ts", "src/cli/verbs/system/version.ts", "src/native/system.ts"]);
  });

  test("the leak lab imports nothing of the product", () => {
    const lab = filesBelow("test/lab").filter((file) => file.endsWith(".ts"));
    expect(lab.length).toBeGreaterThan(0);
    expect(lab.flatMap(importsOf).filter(({ target }) => target.startsWith("src/"))).toEqual([]);
  });
});
