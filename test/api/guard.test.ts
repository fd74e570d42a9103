import { describe, expect, test } from "vitest";
import { type GuardedRequest, guard } from "../../src/api/guard.ts";

const PORT = 1777;
const TOKEN = "t".repeat(43);
const rules = { port: PORT, isToken: (token: string) => token === TOKEN };
const HOST = `127.0.0.1:${PORT}`;

const request = (over: {
  method?: string;
  target?: string;
  headers?: readonly (readonly [string, string])[];
}): GuardedRequest => ({
  method: over.method ?? "GET",
  target: over.target ?? "/api/status",
  rawHeaders: (over.headers ?? []).flat(),
});

const good = [
  ["Host", HOST],
  ["Authorization", `Bearer ${TOKEN}`],
] as const;
const without = (name: string, ...more: readonly (readonly [string, string])[]) =>
  request({ headers: [...good.filter(([key]) => key !== name), ...more] });

const HOSTS_REFUSED = [
  "evil.example",
  "127.0.0.1.nip.io:1777",
  "127.0.0.1",
  "127.0.0.1:1778",
  "LOCALHOST:1777",
  "localhost.:1777",
  "user@127.0.0.1:1777",
  "[::ffff:127.0.0.1]:1777",
  "2130706433:1777",
  ":1777",
  "",
];
const ORIGINS_REFUSED = [
  "null",
  "https://127.0.0.1:1777",
  "http://127.0.0.1:1778",
  "http://127.0.0.1:1777.evil.example",
  "http://localhost:1777",
  "http://evil.example",
];
const METHODS = ["GET", "HEAD", "POST"] as const;
const TARGETS = ["/", "/api/status", "/api/events", "/metrics", "/api/run"] as const;

describe("S: what reaches the API on loopback TCP", () => {
  const status = (one: GuardedRequest) => guard(one, rules)?.status;
  const json = ["Content-Type", "application/json"] as const;

  test.each(METHODS)("%s of awg's own page with a token passes", (method) => {
    for (const target of TARGETS) {
      const headers = [...good, json, ["Origin", `http://${HOST}`], ["Sec-Fetch-Site", "same-origin"]] as const;
      expect(status(request({ method, target, headers })), target).toBeUndefined();
    }
  });

  const cases = METHODS.flatMap((method) =>
    TARGETS.flatMap((target) => [
      ...HOSTS_REFUSED.map((host) => ({ method, target, name: "Host", value: host, expected: 421 })),
      ...ORIGINS_REFUSED.map((origin) => ({ method, target, name: "Origin", value: origin, expected: 403 })),
      ...["cross-site", "same-site", "none, cross-site"].map((value) => ({
        method,
        target,
        name: "Sec-Fetch-Site",
        value,
        expected: 403,
      })),
      ...["http://evil.example/", `http://${HOST}.evil.example/`, "https://127.0.0.1:1777/"].map((value) => ({
        method,
        target,
        name: "Referer",
        value,
        expected: 403,
      })),
    ]),
  );

  test("there are 200 rows or more", () => expect(cases.length).toBeGreaterThanOrEqual(200));

  test.each(cases)("$method $target with $name: $value is refused", ({ method, target, name, value, expected }) => {
    const headers = [...good.filter(([key]) => key !== name), json, [name, value] as const];
    expect(status(request({ method, target, headers }))).toBe(expected);
  });

  test.each<[string, GuardedRequest, number | undefined]>([
    ["no Host", without("Host"), 421],
    ["two Hosts", without("none", ["Host", HOST]), 421],
    ["an absolute target", request({ target: "http://evil.example/api/status", headers: good }), 421],
    ["a target of two slashes", request({ target: "//evil.example/", headers: good }), 421],
    ["an upgrade", without("none", ["Upgrade", "websocket"]), 400],
    ["OPTIONS", request({ method: "OPTIONS", headers: good }), 405],
    ["PUT", request({ method: "PUT", headers: good }), 405],
    ["a form", request({ method: "POST", headers: [...good, ["Content-Type", "text/plain"]] }), 415],
    [
      "a type with more",
      request({ method: "POST", headers: [...good, ["Content-Type", "application/json; a=b"]] }),
      415,
    ],
    ["two types", request({ method: "POST", headers: [...good, json, json] }), 415],
    ["no token", without("Authorization"), 401],
    ["a wrong token", without("Authorization", ["Authorization", `Bearer ${"u".repeat(43)}`]), 401],
    ["a prefix of the token", without("Authorization", ["Authorization", `Bearer ${TOKEN.slice(0, 42)}`]), 401],
    ["the token twice", without("none", ["Authorization", `Bearer ${TOKEN}`]), 401],
    ["the token in the address", request({ target: `/api/status?token=${TOKEN}`, headers: [["Host", HOST]] }), 401],
    ["metrics without a token", request({ target: "/metrics", headers: [["Host", HOST]] }), 401],
    ["a path under /api in other words", request({ target: "/api", headers: [["Host", HOST]] }), 401],
    ["the page without a token", request({ target: "/", headers: [["Host", HOST]] }), undefined],
    [
      "POST to the page without a token",
      request({ method: "POST", target: "/", headers: [["Host", HOST], json] }),
      401,
    ],
    ["a session", request({ method: "POST", target: "/api/session", headers: [["Host", HOST], json] }), undefined],
    ["a session by GET", request({ target: "/api/session", headers: [["Host", HOST]] }), 401],
    ["IPv6's own name", without("Host", ["Host", `[::1]:${PORT}`]), undefined],
  ])("%s", (_what, one, expected) => {
    expect(status(one)).toBe(expected);
  });
});
