import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readForeign } from "../../src/cli/verbs/config/read-foreign.ts";

const CONF = `[Interface]
PrivateKey = 0Kh9rIuds+SCV+CVWEySUqFtt94Ie0UW0tnYlBBTH2w=
Address = 10.8.0.2/32
[Peer]
PublicKey = cnYlvDj/DHWpzeBGlCJNLo4EOaBNHj0A9xYv9h2XaDo=
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = 192.0.2.1:51820
`;
const DOCUMENT = JSON.stringify({
  containers: [{ container: "amnezia-awg", awg: { last_config: JSON.stringify({ config: CONF }) } }],
});
const read = (text: string) => readForeign(text, { source: "-", secretsDir: "/etc/awg", bootstrap: ["192.0.2.53"] });

/** A link as AmneziaVPN makes it; the size can be a lie. */
function packed(text: string | Buffer, bytes = Buffer.byteLength(text)): string {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes);
  return `vpn://${Buffer.concat([size, deflateSync(text)]).toString("base64url")}`;
}

describe("what awg import takes a text for", () => {
  test.each([
    ["a conf", CONF],
    ["a conf with a byte order mark", `\uFEFF${CONF}`],
    ["a vpn:// link", `${packed(DOCUMENT)}\n`],
    ["a link that is not compressed", `vpn://${Buffer.from(DOCUMENT).toString("base64")}`],
    ["what a link holds", DOCUMENT],
    ["a link to a conf", packed(CONF)],
    ["a link to a conf that is not compressed", `vpn://${Buffer.from(`# mine\n${CONF}`).toString("base64url")}`],
  ])("%s", (_what, text) => {
    const imported = read(text);
    expect(imported.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(imported.text).toContain("endpoint: 192.0.2.1:51820");
  });

  test.each([
    ["a link that unpacks to more than its due", packed(" ".repeat(3_000_000)), "unpacks to 3000000 bytes"],
    ["a link that lies about its size", packed(Buffer.alloc(20_000_000), 9), "cannot be unpacked"],
    ["a link cut short", packed(DOCUMENT).slice(0, 60), "cannot be unpacked"],
    ["a link of nothing", "vpn://AAAA", "is cut short"],
    ["a link that is no base64", "vpn://{}", "base64url"],
    ["a link that holds no JSON", packed("[1, 2"), "the vpn:// link in - cannot be decoded"],
    ["a link of three letters", "vpn://abc", "the vpn:// link in - cannot be decoded"],
    ["half a document", "{", "- is not valid JSON"],
    ["another document", "{}", "of no kind that awg knows"],
    [
      "a link to a subscription",
      packed('{"config_version":2,"auth_data":{"api_key":"k"},"api_config":{}}'),
      "subscription",
    ],
    ["an older one", packed('{"config_version":1,"api_key":"k","api_endpoint":"x"}'), "subscription"],
    ["a text too long", "#".repeat(1024 * 1024 + 1), "larger than"],
    ["a document nested too deep", `{"a":${"[".repeat(500_000)}`, "- is not valid JSON"],
  ])("law 7: %s is refused", (_what, text, message) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ kind: "config", message: expect.stringContaining(message) }),
    );
  });
});
