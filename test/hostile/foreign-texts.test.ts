import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readForeign } from "../../src/cli/verbs/config/read-foreign.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import type { Imported } from "../../src/interchange/import-config.ts";
import { renderImportFinding } from "../../src/interchange/import-finding.ts";
import { AwgError } from "../../src/model/error.ts";
import { isPrintableLine, printable } from "../../src/model/text/printable.ts";
import { canariesIn, keyCanary } from "./canary.ts";
import { HOSTILE_STRINGS } from "./hostile-strings.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);
const key = keyCanary("imported key");
const psk = keyCanary("imported psk");
const PEER = "cnYlvDj/DHWpzeBGlCJNLo4EOaBNHj0A9xYv9h2XaDo=";

const CONF = `[Interface]
PrivateKey = ${key.base64}
Address = 10.8.0.2/32, fd00::2/128
DNS = 10.8.0.1, corp.example
MTU = 1380
Table = auto
PostUp = iptables -A FORWARD -j ACCEPT
SaveConfig = true
Jc = 4
Jmin = 40
Jmax = 70
S1 = 72
S2 = 40
I1 = <r 2><b 0x8580>
[Peer]
PublicKey = ${PEER}
PresharedKey = ${psk.base64}
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = 192.0.2.1:51820
PersistentKeepalive = 25
`;
const AMNEZIA = {
  containers: [
    { container: "amnezia-awg", awg: { last_config: JSON.stringify({ config: CONF, mtu: "1376" }), port: "4443" } },
  ],
  ...{
    defaultContainer: "amnezia-awg",
    description: "Home Server",
    dns1: "1.1.1.1",
    dns2: "1.0.0.1",
    hostName: "192.0.2.1",
  },
};
const SING_BOX = {
  endpoints: [
    {
      ...{
        type: "wireguard",
        tag: "office",
        mtu: 1408,
        address: ["10.0.0.2/32"],
        private_key: key.base64,
        listen_port: 0,
      },
      peers: [
        {
          ...{ address: "2001:db8::1", port: 51820, public_key: PEER, pre_shared_key: psk.base64 },
          ...{ allowed_ips: ["0.0.0.0/0", "::/0"], persistent_keepalive_interval: 25 },
        },
      ],
    },
  ],
  outbounds: [
    { type: "socks", tag: "proxy", server: "192.0.2.9", server_port: 1080, username: "me", password: psk.base64 },
  ],
  route: { final: "office" },
};
const AWG = {
  apiVersion: "awg/v1",
  tunnels: {
    office: {
      ...{ protocol: "wireguard", privateKey: key.base64, addresses: ["10.8.0.2/32"] },
      peers: [
        {
          publicKey: PEER,
          presharedKey: { inline: psk.base64 },
          endpoint: "192.0.2.1:51820",
          allowedIPs: ["0.0.0.0/0"],
        },
      ],
    },
  },
  default: { via: "office" },
  killSwitch: { enabled: true },
};

function packed(text: string): string {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(Buffer.byteLength(text));
  return `vpn://${Buffer.concat([size, deflateSync(text)]).toString("base64url")}`;
}

const FORMS: Readonly<Record<string, string>> = {
  conf: CONF,
  link: packed(JSON.stringify(AMNEZIA)),
  "what a link holds": JSON.stringify(AMNEZIA),
  "sing-box": JSON.stringify(SING_BOX),
  awg: JSON.stringify(AWG),
};

type Verdict = "config" | "refused";

/** Law 7 and 8: refused with an error of ours, or a configuration that loads; no secret and no control in what is said. */
function judge(text: string): Verdict {
  let imported: Imported;
  try {
    imported = readForeign(text, { source: "in", secretsDir: "/s", bootstrap: ["192.0.2.53"] });
  } catch (error) {
    if (!(error instanceof AwgError)) throw error;
    expect(canariesIn(`${error.message} ${error.remedy}`, [key, psk])).toEqual([]);
    return "refused";
  }
  const said = imported.findings.map(renderImportFinding);
  expect(canariesIn(said.join("\n"), [key, psk])).toEqual([]);
  for (const line of said) expect(line.split("\n").length).toBe(1);
  if (imported.findings.some(({ severity }) => severity === "error")) {
    expect([imported.text, imported.secrets]).toEqual(["", []]);
    return "refused";
  }
  expect(canariesIn(imported.text, [key, psk])).toEqual([]);
  expect(printable(imported.text)).toBe(imported.text);
  const { config, problems } = loadConfig([{ name: "a.yaml", text: imported.text }]);
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  expect(config).toBeDefined();
  for (const { path } of imported.secrets)
    expect([path, isPrintableLine(path), path.startsWith("/s/")]).toEqual([path, true, true]);
  return "config";
}

/** Every scalar of a JSON value replaced by another, one at a time. */
function* replaced(value: unknown, by: unknown): Generator<unknown> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      for (const one of replaced(item, by)) yield value.map((old, at) => (at === index ? one : old));
  } else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value))
      for (const one of replaced(item, by)) yield { ...value, [name]: one };
  } else yield by;
}

describe("texts of other programs", () => {
  test.each(Object.keys(FORMS))("%s: read whole, it becomes a configuration", (form) => {
    expect(judge(FORMS[form] ?? "")).toBe("config");
  });

  test.each(Object.keys(FORMS))("%s: cut anywhere, it is refused or read as far as it goes", (form) => {
    const text = FORMS[form] ?? "";
    const verdicts = new Set<Verdict>();
    for (let cut = 0; cut < text.length; cut += 3) verdicts.add(judge(text.slice(0, cut)));
    expect(verdicts.has("refused")).toBe(true);
  });

  test.each(Object.keys(FORMS))("%s: characters changed, lost and doubled", (form) => {
    const text = FORMS[form] ?? "";
    const edit = fc.tuple(
      fc.nat(text.length - 1),
      fc.constantFrom("", "\0", '"', "\n", "{", "9", "=", "\u202e", "\ud800", "🙂"),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const edited = edits.reduce(
          (old, [at, by, keeps]) => old.slice(0, at) + by + old.slice(keeps ? at : at + 1),
          text,
        );
        judge(edited);
      }),
      { seed, numRuns: 40 },
    );
  });

  test("the corpus in every value of the JSON forms, and in every value and key of a conf", () => {
    const verdicts: Record<Verdict, number> = { config: 0, refused: 0 };
    const documents = [AMNEZIA, SING_BOX, AWG];
    for (const [at, by] of HOSTILE_STRINGS.entries()) {
      for (const document of documents) {
        let place = 0;
        for (const changed of replaced(document, by)) {
          place += 1;
          // Each place takes every 32nd string, and each string every 32nd place.
          if ((at + place) % 32 === 0) verdicts[judge(JSON.stringify(changed))] += 1;
        }
      }
      const lines = CONF.split("\n");
      const index = at % lines.length;
      const [name = ""] = (lines[index] ?? "").split(" = ");
      for (const line of [`${name} = ${by}`, `${by} = 1`]) verdicts[judge(lines.with(index, line).join("\n"))] += 1;
    }
    expect(verdicts.config).toBeGreaterThan(50);
    expect(verdicts.refused).toBeGreaterThan(300);
  });

  test.each([
    ["__proto__", `{"__proto__":{"apiVersion":"awg/v1"},"endpoints":[]}`],
    ["constructor", `{"constructor":{"prototype":{"x":1}},"outbounds":[{"type":"direct"}]}`],
    ["a tunnel called __proto__", JSON.stringify({ endpoints: [{ ...SING_BOX.endpoints[0], tag: "__proto__" }] })],
    ["containers that are none", `{"containers":{"length":4294967296}}`],
    ["two hundred endpoints", JSON.stringify({ endpoints: Array.from({ length: 200 }, () => SING_BOX.endpoints[0]) })],
  ])("law 7: %s", (_what, text) => {
    judge(text);
    expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
  });

  test("a link that unpacks to a document with a bomb of lines is refused, not unrolled", () => {
    const config = `[Interface]\n${"Address = 10.0.0.1/32\n".repeat(20_000)}`;
    const document = { containers: [{ container: "a", awg: { last_config: JSON.stringify({ config }) } }] };
    expect(judge(packed(JSON.stringify(document)))).toBe("refused");
  });
});
