import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Dialogue, Step, Target } from "../../src/relay/protocol/dialogue.ts";
import { httpDialogue } from "../../src/relay/protocol/http-dialogue.ts";
import { decodeDatagram, encodeDatagram } from "../../src/relay/protocol/socks5.codec.ts";
import { Socks5Dialogue } from "../../src/relay/protocol/socks5-dialogue.ts";
import { checkProperty } from "../support/seeded.ts";

const FOUR: Target = { address: Uint8Array.of(192, 0, 2, 7), port: 443 };
const SIX: Target = { address: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9), port: 8443 };
const LOGIN = { username: "me", password: "pässword" };
const bytes = (text: string) => new TextEncoder().encode(text);

/** Gives the answer in pieces and returns every step but the waits. */
function hear(dialogue: Dialogue, answers: readonly Uint8Array[], piece = 1): Step[] {
  const steps: Step[] = [];
  for (const answer of answers) {
    for (let at = 0; at < answer.length; at += piece) {
      const step = dialogue.receive(answer.subarray(at, at + piece));
      if (step.kind !== "wait") steps.push(step);
      if (step.kind === "done" || step.kind === "failed") return steps;
    }
  }
  return steps;
}

describe("SOCKS5", () => {
  test("connects without a login (RFC 1928)", () => {
    const dialogue = new Socks5Dialogue({ command: "connect", target: FOUR });
    expect(dialogue.hello).toEqual(Uint8Array.of(5, 1, 0));
    const reply = Uint8Array.of(5, 0, 0, 1, 10, 0, 0, 1, 0x1f, 0x90);
    expect(hear(dialogue, [Uint8Array.of(5, 0), reply])).toEqual([
      { kind: "send", bytes: Uint8Array.of(5, 1, 0, 1, 192, 0, 2, 7, 1, 0xbb) },
      { kind: "done", rest: new Uint8Array(), bound: { address: Uint8Array.of(10, 0, 0, 1), port: 8080 } },
    ]);
  });

  test("logs in by name and password (RFC 1929) and names an IPv6 destination", () => {
    const dialogue = new Socks5Dialogue({ command: "connect", target: SIX, credentials: LOGIN });
    expect(dialogue.hello).toEqual(Uint8Array.of(5, 2, 0, 2));
    const steps = hear(dialogue, [Uint8Array.of(5, 2), Uint8Array.of(1, 0), Uint8Array.of(5, 0, 0, 3, 1, 97, 0, 1)]);
    expect(steps).toEqual([
      { kind: "send", bytes: Uint8Array.of(1, 2, ...bytes("me"), 9, ...bytes("pässword")) },
      { kind: "send", bytes: Uint8Array.of(5, 1, 0, 4, ...SIX.address, 0x20, 0xfb) },
      { kind: "done", rest: new Uint8Array() },
    ]);
  });

  test("returns what came with the reply", () => {
    const dialogue = new Socks5Dialogue({ command: "connect", target: FOUR });
    dialogue.receive(Uint8Array.of(5, 0));
    const step = dialogue.receive(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 104, 105));
    expect(step).toMatchObject({ kind: "done", rest: bytes("hi") });
  });

  test.each([
    ["no method", undefined, [Uint8Array.of(5, 255)], "the proxy wants a name and password", "credentials"],
    [
      "a login it was not given",
      undefined,
      [Uint8Array.of(5, 2)],
      "the proxy wants a name and password",
      "credentials",
    ],
    [
      "a wrong login",
      LOGIN,
      [Uint8Array.of(5, 2), Uint8Array.of(1, 1)],
      "the proxy refused the name and password",
      "credentials",
    ],
    [
      "a destination",
      undefined,
      [Uint8Array.of(5, 0), Uint8Array.of(5, 5)],
      "the proxy refused: connection refused",
      "destination",
    ],
    [
      "the command",
      undefined,
      [Uint8Array.of(5, 0), Uint8Array.of(5, 7)],
      "the proxy refused: command not supported",
      "command",
    ],
    [
      "an unknown code",
      undefined,
      [Uint8Array.of(5, 0), Uint8Array.of(5, 99)],
      "the proxy refused: reply code 99",
      "destination",
    ],
    ["another version", undefined, [Uint8Array.of(4, 0)], "the server does not speak SOCKS5", undefined],
    [
      "an answer before the question",
      undefined,
      [Uint8Array.of(5, 0, 5)],
      "the server does not speak SOCKS5",
      undefined,
    ],
  ])("says why: %s", (_, credentials, answers, reason, refused) => {
    const login = credentials === undefined ? {} : { credentials };
    const steps = hear(new Socks5Dialogue({ command: "connect", target: FOUR, ...login }), answers, 4);
    expect(steps.at(-1)).toEqual({ kind: "failed", reason, ...(refused === undefined ? {} : { refused }) });
  });

  test("sends no login that RFC 1929 cannot carry", () => {
    const credentials = { username: "x".repeat(256), password: "y" };
    const steps = hear(new Socks5Dialogue({ command: "login", target: FOUR, credentials }), [Uint8Array.of(5, 2)]);
    expect(steps).toEqual([{ kind: "failed", reason: "the name or password is empty or longer than 255 bytes" }]);
  });

  test("a datagram read back is the one written; fragments are refused", () => {
    const data = bytes("query");
    expect(decodeDatagram(encodeDatagram(SIX, data))).toEqual({ source: SIX, data });
    const fragment = encodeDatagram(FOUR, data);
    fragment[2] = 1;
    expect(decodeDatagram(fragment)).toBeUndefined();
  });
});

describe("HTTP CONNECT", () => {
  test("asks for the address with Basic credentials, and takes what follows the head", () => {
    const dialogue = httpDialogue(SIX, LOGIN);
    expect(new TextDecoder().decode(dialogue.hello)).toBe(
      "CONNECT [2001:db8::9]:8443 HTTP/1.1\r\nHost: [2001:db8::9]:8443\r\n" +
        "Proxy-Authorization: Basic bWU6cMOkc3N3b3Jk\r\n\r\n",
    );
    const answer = bytes("HTTP/1.1 200 OK\r\nVia: x\r\n\r\nrest");
    expect(dialogue.receive(answer)).toEqual({ kind: "done", rest: bytes("rest") });
    expect(hear(httpDialogue(FOUR), [answer])).toEqual([{ kind: "done", rest: new Uint8Array() }]);
  });

  test.each([
    ["HTTP/1.1 407 X\r\n\r\n", "the proxy wants another name and password (status 407)", "credentials"],
    ["HTTP/1.0 403 no\r\n\r\n", "the proxy refused: status 403", "destination"],
    ["SSH-2.0-OpenSSH\r\n", "the server does not speak HTTP", undefined],
    ["HTTP/1.1 abc\r\n\r\n", "the server does not speak HTTP", undefined],
    [`HTTP/1.1 200 ${"x".repeat(20_000)}\r\n\r\n`, "the proxy's answer has no end", undefined],
  ])("judges %#", (answer, reason, refused) => {
    const steps = hear(httpDialogue(FOUR), [bytes(answer)], 1000);
    expect(steps).toEqual([{ kind: "failed", reason, ...(refused === undefined ? {} : { refused }) }]);
  });
});

test("no answer of a proxy throws, or is waited for without end", () => {
  const makers = [
    () => new Socks5Dialogue({ command: "connect", target: FOUR, credentials: LOGIN }),
    () => new Socks5Dialogue({ command: "udpAssociate", target: FOUR }),
    () => httpDialogue(FOUR, LOGIN),
  ];
  const likely = fc.constantFrom(
    Uint8Array.of(5, 0),
    Uint8Array.of(5, 2),
    Uint8Array.of(1, 0),
    Uint8Array.of(5, 0, 0, 3, 255),
    bytes("HTTP/1.1 200 "),
    bytes("\r\n\r\n"),
  );
  const answers = fc.array(fc.oneof(likely, fc.uint8Array({ maxLength: 400 })), { maxLength: 60 });
  checkProperty(
    fc.property(fc.constantFrom(...makers), answers, (make, pieces) => {
      const dialogue = make();
      let waited = 0;
      for (const piece of pieces) {
        const step = dialogue.receive(piece);
        if (step.kind === "done" || step.kind === "failed") return;
        waited += piece.length;
      }
      expect(waited).toBeLessThanOrEqual(16 * 1024 + 400);
    }),
    2000,
  );
  checkProperty(
    fc.property(fc.uint8Array({ maxLength: 600 }), (datagram) => {
      const received = decodeDatagram(datagram);
      if (received !== undefined) expect([4, 16]).toContain(received.source.address.length);
    }),
    2000,
  );
});
