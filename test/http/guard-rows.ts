/** One request by a raw socket, and what must come of it. */
export interface GuardRow {
  readonly what: string;
  /** What is sent, byte for byte. */
  readonly text: string;
  /** The HTTP status of the answer; undefined for a connection that is closed without one. */
  readonly expected: number | undefined;
}

/** What a request is made of: awg's own, unless changed. */
interface Parts {
  readonly start: string;
  readonly headers: readonly string[];
}

export interface GuardPlace {
  readonly port: number;
  /** A token that is good. */
  readonly token: string;
  /** A code that is used. */
  readonly oldCode: string;
}

const JSON_TYPE = "Content-Type: application/json";
const BODY = '{"code":"x"}';

/** All requests that the guard lets pass or refuses; the refused ones differ from a good one in one thing. Pure. */
export function guardRows({ port, token, oldCode }: GuardPlace): readonly GuardRow[] {
  const host = `Host: 127.0.0.1:${port}`;
  const own = `http://127.0.0.1:${port}`;
  const bearer = `Authorization: Bearer ${token}`;
  const good = (start: string): Parts => ({
    start,
    headers: [host, bearer, ...(start.startsWith("POST") ? [JSON_TYPE, `Content-Length: ${BODY.length}`] : [])],
  });
  const targets = ["GET /", "GET /api/status", "GET /api/events", "GET /metrics", "HEAD /api/status", "POST /api/run"];
  const textOf = ({ start, headers }: Parts): string =>
    `${[`${start} HTTP/1.1`, ...headers].join("\r\n")}\r\n\r\n${start.startsWith("POST") ? BODY : ""}`;
  const row = (what: string, parts: Parts, expected: number | undefined): GuardRow => ({
    what: `${parts.start}: ${what}`,
    text: textOf(parts),
    expected,
  });
  const without = ({ start, headers }: Parts, name: string): Parts => ({
    start,
    headers: headers.filter((header) => !header.startsWith(`${name}:`)),
  });
  const plus = ({ start, headers }: Parts, ...more: readonly string[]): Parts => ({
    start,
    headers: [...headers, ...more],
  });

  const everywhere = targets.flatMap((start) => {
    const all = good(start);
    return [
      row("as awg's own page sends it", plus(all, `Origin: ${own}`, "Sec-Fetch-Site: same-origin"), 200),
      row("as a program sends it", all, 200),
      row("from its own address", plus(all, `Referer: ${own}/`, "Sec-Fetch-Site: none"), 200),
      row("no Host", without(all, "Host"), 400),
      row("two Hosts", plus(all, host), 421),
      row("a second Host of another site", plus(all, "Host: evil.example"), 421),
      ...foreignHosts(port).map((name) => row(`Host ${name}`, plus(without(all, "Host"), `Host: ${name}`), 421)),
      ...foreignOrigins(port).map((name) => row(`Origin ${name}`, plus(all, `Origin: ${name}`), 403)),
      row("a second Origin of another site", plus(all, `Origin: ${own}`, "Origin: http://evil.example"), 403),
      ...["cross-site", "same-site", "same-origin, cross-site", "Same-Origin"].map((site) =>
        row(`Sec-Fetch-Site ${site}`, plus(all, `Sec-Fetch-Site: ${site}`), 403),
      ),
      ...["http://evil.example/", `${own}.evil.example/`, `https://127.0.0.1:${port}/`, "null"].map((from) =>
        row(`Referer ${from}`, plus(all, `Referer: ${from}`), 403),
      ),
      row("Upgrade alone", plus(all, "Upgrade: h2c"), 400),
      row("a WebSocket", plus(all, "Upgrade: websocket", "Connection: Upgrade"), undefined),
    ];
  });
  const tokens = [
    ["no token", []],
    ["a wrong token", [`Authorization: Bearer ${"u".repeat(43)}`]],
    ["a prefix of the token", [`Authorization: Bearer ${token.slice(0, -1)}`]],
    ["the token and more", [`Authorization: Bearer ${token}x`]],
    ["the token twice", [bearer, bearer]],
    ["a wrong token, then the token", [`Authorization: Bearer ${"u".repeat(43)}`, bearer]],
    ["the token as Basic", [`Authorization: Basic ${token}`]],
    ["the used code as token", [`Authorization: Bearer ${oldCode}`]],
    ["the token as cookie", [`Cookie: awg-token=${token}`]],
  ] as const;
  const protectedRows = targets
    .filter((start) => start !== "GET /")
    .flatMap((start) =>
      tokens.map(([what, headers]) => row(what, plus(without(good(start), "Authorization"), ...headers), 401)),
    );
  const types = [
    ["no type", []],
    ["text/plain", ["Content-Type: text/plain"]],
    ["a form", ["Content-Type: application/x-www-form-urlencoded"]],
    ["a type with more", ["Content-Type: application/json; charset=utf-8"]],
    ["two types", [JSON_TYPE, JSON_TYPE]],
    ["capitals", ["Content-Type: Application/JSON"]],
  ] as const;
  const typeRows = ["POST /api/run", "POST /api/session", "POST /"].flatMap((start) =>
    types.map(([what, headers]) => row(what, plus(without(good(start), "Content-Type"), ...headers), 415)),
  );
  return [
    ...everywhere,
    ...protectedRows,
    ...typeRows,
    ...["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"].map((method) =>
      row("no such method", good(`${method} /api/status`), 405),
    ),
    row("a preflight", plus(good("OPTIONS /api/run"), "Access-Control-Request-Method: POST"), 405),
    row("CONNECT", good("CONNECT evil.example:443"), undefined),
    row("the address of another host", good("GET http://evil.example/api/status"), 421),
    row("the address of this host", good(`GET ${own}/api/status`), 421),
    row("two slashes", good("GET //evil.example/"), 421),
    row("an asterisk", good("GET *"), 421),
    row("the token in the address", without(good(`GET /api/status?token=${token}`), "Authorization"), 401),
    row("a path under /api that has no route", without(good("GET /api"), "Authorization"), 401),
    row("POST without a token", without(good("POST /"), "Authorization"), 401),
    row("the page without a token", without(good("GET /"), "Authorization"), 200),
    row("a session with a used code", without(good("POST /api/session"), "Authorization"), 401),
    row("a session by GET", without(good("GET /api/session"), "Authorization"), 401),
    ...spellings(port, token),
  ];
}

/** Requests that no sane client sends. */
function spellings(port: number, token: string): readonly GuardRow[] {
  const lines = [`Host: 127.0.0.1:${port}`, `Authorization: Bearer ${token}`];
  const post = ["POST /api/run HTTP/1.1", ...lines, JSON_TYPE];
  const text = (all: readonly string[], body = ""): string => `${all.join("\r\n")}\r\n\r\n${body}`;
  return [
    { what: "HTTP/1.0 without Host", text: text(["GET /api/status HTTP/1.0", ...lines.slice(1)]), expected: 421 },
    { what: "HTTP/1.0 with it", text: text(["GET /api/status HTTP/1.0", ...lines]), expected: 200 },
    {
      what: "two lengths of a body",
      text: text([...post, "Content-Length: 5", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
      expected: 400,
    },
    { what: "a length that is no number", text: text([...post, "Content-Length: +5"], "{}   "), expected: 400 },
    { what: "LF alone", text: `GET /api/status HTTP/1.1\n${lines.join("\n")}\n\n`, expected: 400 },
    { what: "a header that is folded", text: text(["GET / HTTP/1.1", ...lines, "X: a", " b"]), expected: 400 },
    { what: "a space before the colon", text: text(["GET / HTTP/1.1", ...lines, "Origin : null"]), expected: 400 },
    { what: "headers of 64 KB", text: text(["GET / HTTP/1.1", ...lines, `X: ${"x".repeat(65_536)}`]), expected: 431 },
    { what: "no HTTP", text: "hello\r\n\r\n", expected: 400 },
    { what: "HTTP/2", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", expected: 400 },
  ];
}

function foreignHosts(port: number): readonly string[] {
  return [
    "evil.example",
    `evil.example:${port}`,
    `127.0.0.1.nip.io:${port}`,
    "127.0.0.1",
    `127.0.0.1:${port + 1}`,
    `LOCALHOST:${port}`,
    `localhost.:${port}`,
    `user@127.0.0.1:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `2130706433:${port}`,
    `0x7f.1:${port}`,
    `127.1:${port}`,
    `:${port}`,
    "",
  ];
}

function foreignOrigins(port: number): readonly string[] {
  return [
    "null",
    "",
    `https://127.0.0.1:${port}`,
    `http://127.0.0.1:${port + 1}`,
    `http://127.0.0.1:${port}.evil.example`,
    `http://127.0.0.1:${port}/`,
    `http://localhost:${port}`,
    "http://evil.example",
  ];
}
