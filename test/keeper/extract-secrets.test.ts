import { describe, expect, test } from "vitest";
import { copySecrets, extractSecrets, wipeSecrets, withSecrets } from "../../src/keeper/extract-secrets.ts";
import { parseKeeperRequest, renderKeeperRequest } from "../../src/model/keeper-protocol.ts";

const hex = (byte: string): string => byte.repeat(32);
const configuration = (peers: number): string =>
  [
    "set=1",
    `private_key=${hex("a1")}`,
    `header_protection_key=${hex("B2")}`,
    "i1=<b 0x2a2a>",
    ...Array.from({ length: peers }, (_, index) =>
      [
        `public_key=${hex("c3")}`,
        `preshared_key=${index.toString(16).padStart(64, "d")}`,
        "endpoint=192.0.2.1:51820",
      ].join("\n"),
    ),
  ]
    .join("\n")
    .concat("\n\n");

/** A request as the server reads it: extracted as bytes, then read as text. */
function received(text: string, update?: string) {
  const line = Buffer.from(
    renderKeeperRequest({
      request: "ensureEngine",
      device: "awg-a",
      engine: "embedded",
      protocol: "amneziawg",
      user: { uid: 0, gid: 0 },
      configuration: text,
      ...(update === undefined ? {} : { update }),
    }),
  );
  const secrets = extractSecrets(line);
  const request = parseKeeperRequest(line.toString("utf8"));
  if (request.request !== "ensureEngine") throw new Error("it is another request");
  return { line: line.toString("latin1"), secrets, request };
}
const textOf = (text: string, secrets: readonly Uint8Array[]) =>
  Buffer.from(withSecrets(text, secrets)).toString("utf8");

describe("law 8: the keeper reads a request without ever making a string of a key", () => {
  test("keys are taken out of the bytes, and come back where they were", () => {
    const update = `set=1\npublic_key=${hex("c3")}\nupdate_only=true\npreshared_key=${hex("e5")}\n\n`;
    const { line, secrets, request } = received(configuration(3), update);
    for (const secret of [hex("a1"), hex("B2"), hex("e5"), "d".repeat(60)]) expect(line).not.toContain(secret);
    expect(line).toContain(hex("c3"));
    expect(secrets).toHaveLength(6);
    expect(textOf(request.configuration, secrets)).toBe(configuration(3));
    expect(textOf(request.update ?? "", secrets)).toBe(update);
  });

  test("what is no key stays: too short, no hex, another name, at the very end", () => {
    const text = `set=1\nprivate_key=${"a".repeat(63)}g\npreshared_key=\npublic_key=${hex("c3")}\nprivate_key=ab\n\n`;
    const { secrets, request } = received(text);
    expect([secrets.length, request.configuration]).toEqual([0, text]);
    expect(textOf(text, secrets)).toBe(text);
    expect(extractSecrets(Buffer.from(`private_key=${hex("ab")}`))).toHaveLength(1);
  });

  test("a text with stars and marks of no secret is left as it is", () => {
    const text = `*\n**\n${"*".repeat(64)}\n*${"0".repeat(62)}7\n*x`;
    expect(textOf(text, extractSecrets(Buffer.from(`private_key=${hex("ab")}`)))).toBe(text);
  });

  test("10,000 peers with a key each are as plain as one", () => {
    const { secrets, request } = received(configuration(10_000));
    expect(secrets).toHaveLength(10_002);
    expect(textOf(request.configuration, secrets)).toBe(configuration(10_000));
  });

  test("wiped secrets are gone, and a copy is independent", () => {
    const secrets = extractSecrets(Buffer.from(`private_key=${hex("ab")}`));
    const copy = copySecrets(secrets);
    wipeSecrets(secrets);
    expect(Buffer.from(secrets[0] ?? []).equals(Buffer.alloc(64))).toBe(true);
    expect(Buffer.from(copy[0] ?? []).toString()).toBe(hex("ab"));
  });
});
