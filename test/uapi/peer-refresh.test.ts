import { describe, expect, test } from "vitest";
import { renderEndpointRefresh } from "../../src/uapi/peer-refresh.ts";
import { parseUapiDevice } from "../../src/uapi/reply.ts";

const KEY = "ab".repeat(32);
const [SIX, FOUR, OTHER] = ["[2001:db8::5]:51820", "198.51.100.7:51820", "198.51.100.8:51820"] as const;

const engineAt = (endpoint: string, endpoints: readonly string[] = []) =>
  parseUapiDevice(
    [
      `public_key=${KEY}`,
      `endpoint=${endpoint}`,
      ...(endpoints.length === 0 ? [] : [`awg_endpoints=${endpoints.join(",")}`]),
      "errno=0",
      "",
      "",
    ].join("\n"),
  );
const setOf = (line: string) => `set=1\npublic_key=${KEY}\nupdate_only=true\n${line}\n\n`;
const reported = (endpoint: string) => setOf(`endpoint=${endpoint}`);
const isFour = (endpoint: string) => !endpoint.startsWith("[");

describe("a refreshEndpoints", () => {
  test("gives an engine the endpoint again where it is", () => {
    expect(renderEndpointRefresh(engineAt(SIX))).toBe(reported(SIX));
    expect(renderEndpointRefresh(engineAt(SIX), isFour)).toBe(reported(SIX));
    expect(renderEndpointRefresh({ peers: [] })).toBeUndefined();
  });

  test("A13: leads a peer of several addresses to one that has a route, and else leaves it where the engine has it", () => {
    expect(renderEndpointRefresh(engineAt(SIX, [SIX, FOUR, OTHER]), isFour)).toBe(reported(FOUR));
    for (const hasRoute of [isFour, () => false])
      expect(renderEndpointRefresh(engineAt(FOUR, [SIX, FOUR]), hasRoute)).toBe(setOf("awg_handshake=true"));
  });
});
