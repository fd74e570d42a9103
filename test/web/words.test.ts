import { describe, expect, test } from "vitest";
import type { StatusDocument } from "../../web/src/documents.ts";
import {
  bytesText,
  daemonText,
  fallbackText,
  headlineOf,
  rateText,
  sentence,
  spanText,
  valueText,
  warningsOf,
} from "../../web/src/words.ts";

const conditions = (held: readonly string[]) =>
  ["Ready", "Protected", "Drifted", "Stalled"].map((type) => ({
    type,
    status: held.includes(type),
    reason: `Reason of ${type}`,
    message: `message of ${type}`,
    since: null,
  }));
const status = (held: readonly string[], more: Partial<StatusDocument> = {}): StatusDocument => ({
  generation: 1,
  conditions: conditions(held),
  resources: [{ key: "tunnel/a", ready: true, drift: [], summary: "" }],
  down: [],
  fallback: [],
  directRules: [],
  endsAtReboot: false,
  daemon: null,
  awaitingConfirmation: null,
  ...more,
});

describe("law 9: the page's headline", () => {
  test.each<[string, StatusDocument | null, boolean, string, string]>([
    ["protected and connected", status(["Protected", "Ready"]), true, "good", "Protected"],
    ["a tunnel without an answer", status(["Protected"]), true, "warn", "Protected, not ready"],
    ["no kill switch", status(["Ready"]), true, "bad", "Not protected"],
    ["a daemon that cannot go on", status(["Protected", "Ready", "Stalled"]), true, "bad", "awg cannot go on"],
    ["nothing applied", status([], { resources: [] }), true, "quiet", "Nothing is applied"],
    ["no daemon, whatever was read last", status(["Protected", "Ready"]), false, "quiet", "The daemon does not answer"],
    ["nothing read yet", null, true, "quiet", "Reading the host …"],
  ])("%s", (_what, document, available, tone, title) => {
    expect(headlineOf(document, available)).toMatchObject({ tone, title });
  });
});

test("the headline names what keeps a protected host from being ready", () => {
  const ready = { type: "Ready", status: false, reason: "LoginPage", message: "log in: http://login/", since: null };
  const document = status([], { conditions: [...conditions(["Protected"]).slice(1), ready] });
  expect(headlineOf(document, true)).toEqual({
    tone: "warn",
    title: "Protected, this network wants a login",
    detail: "Log in: http://login/.",
  });
});

const silent = (name: string, handshakeAgeSeconds: number | null) =>
  ({
    key: `tunnel/${name}`,
    ready: false,
    drift: [],
    summary: "",
    tunnel: { state: "blocked", wire: "wireguard", peers: [{ handshakeAgeSeconds }] },
  }) as unknown as StatusDocument["resources"][number];
const waiting = { type: "Ready", status: false, reason: "Waiting", message: "waiting for tunnel/office", since: null };

test("while a fallback sends traffic direct, the host is not called protected", () => {
  const message = "the server of office does not answer; its traffic goes direct until it does";
  const direct = { type: "Protected", status: false, reason: "FallbackDirect", message, since: null };
  expect(headlineOf(status([], { conditions: [waiting, direct] }), true)).toEqual({
    tone: "bad",
    title: "Not protected",
    detail: "The server of office does not answer; its traffic goes direct until it does.",
  });
});

test.each<[readonly string[], string]>([
  [[], ""],
  [["rules/0 (backup)"], " Only backup goes direct, as its rule says."],
  [["rules/0 (backup)", "rules/1"], " Only backup and rule 2 go direct, as their rules say."],
  [["rules/0 (a)", "rules/1 (b)", "rules/2 (c)"], " a and 2 more go direct, as their rules say."],
  [["rules/0 (backup)", "default"], " What no rule names goes direct."],
])("the headline says what goes direct by rule: %s", (directRules, text) => {
  const { detail } = headlineOf(status(["Protected", "Ready"], { directRules }), true);
  expect(detail).toBe(`Message of Protected.${text}`);
});

test("the headline names the tunnel that is not connected, and says what becomes of its traffic", () => {
  const found = (resources: StatusDocument["resources"], fallback: StatusDocument["fallback"] = []) => {
    const conditions_ = [...conditions(["Protected"]).slice(1), waiting];
    const { title, detail } = headlineOf(status([], { conditions: conditions_, resources, fallback }), true);
    return `${title}. ${detail}`;
  };
  expect(found([silent("office", 65)])).toBe(
    "Protected, but office is not connected. Its server does not answer; its traffic is blocked until it does. The last handshake was 1 min ago.",
  );
  expect(found([silent("office", null)], [{ tunnel: "office", to: "home", rules: ["default"] }])).toBe(
    "Protected, but office is not connected. Its server does not answer. There was no handshake yet.",
  );
  expect(found([silent("office", 65), silent("home", 65)])).toBe(
    "Protected, but office and home are not connected. Their servers do not answer; their traffic is blocked until they do.",
  );
});

test("where the traffic of a silent tunnel goes", () => {
  const texts = [
    { tunnel: "office", to: "direct", rules: ["default"] },
    { tunnel: "office", to: "home", rules: ["rules/0 (media)", "default"] },
  ].map(fallbackText);
  expect(texts).toEqual([
    "office is down: everything that no rule names goes direct until it is up.",
    "office is down: rule “media” and everything that no rule names go by home until it is up.",
  ]);
});

test("a sentence begins with a capital, a name as it is written", () => {
  const clauses = ["nothing is applied", "awg api does not run", "example.com is no address", "tunnel/office is gone"];
  expect(clauses.map(sentence)).toEqual([
    "Nothing is applied.",
    "awg api does not run.",
    "example.com is no address.",
    "tunnel/office is gone.",
  ]);
});

test("a paused host is not called protected", () => {
  const override = { what: "pause", until: "2026-01-01T00:00:00Z" } as const;
  expect(headlineOf(status(["Protected", "Ready"], { override }), true)).toMatchObject({
    tone: "warn",
    title: "Paused",
  });
});

test("who fights with awg is said beside the headline", () => {
  const contended = { type: "Contended", status: true, reason: "Fight", message: "nft changes it", since: null };
  expect(warningsOf(status(["Protected", "Ready"], { conditions: [contended] }))).toEqual(["Nft changes it."]);
  expect(warningsOf(status(["Protected", "Ready", "Drifted"]))).toEqual([]);
});

test("numbers as people read them", () => {
  expect([0, 999, 1_500, 23_400_000].map(bytesText)).toEqual(["0 B", "999 B", "1.5 kB", "23 MB"]);
  expect([0, 125_000].map(rateText)).toEqual(["0 bit/s", "1.0 Mbit/s"]);
  expect([5, 61, 7_300, 200_000].map(spanText)).toEqual(["5 s", "1 min", "2 h", "2 days"]);
  expect(valueText("x".repeat(200))).toHaveLength(118);
});

test("what the daemon does", () => {
  const daemon = { pid: 1, phase: "in-sync", since: new Date(0).toISOString(), keys: [], nextTry: null };
  expect(daemonText({ ...daemon, filesNotApplied: false }, 65_000)).toBe("As declared for 1 min.");
  expect(daemonText({ ...daemon, phase: "repairing", keys: ["link/a"], filesNotApplied: false }, 0)).toContain(
    "link/a",
  );
  expect(daemonText(null, 0)).toContain("No daemon");
});
