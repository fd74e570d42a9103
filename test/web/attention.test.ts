import { expect, test } from "vitest";
import { attentionOf } from "../../web/src/attention.ts";
import type { StatusDocument } from "../../web/src/documents.ts";
import { eventLine, notable, timeText, withKept } from "../../web/src/event-text.ts";
import { pageOf } from "../../web/src/page-names.ts";
import { configEntry, ruleText } from "../../web/src/words.ts";

const status = (drifted: readonly string[], filesNotApplied: boolean, generation = 1) =>
  ({
    generation,
    resources: ["link/a", "firewall/machine"].map((key) => ({
      key,
      drift: drifted.includes(key) ? [{ field: "x" }] : [],
    })),
    daemon: { filesNotApplied },
  }) as unknown as StatusDocument;

test("what waits for a person: drift, and a config that is not applied", () => {
  expect(attentionOf(status([], false))).toBeUndefined();
  expect(attentionOf(status(["link/a"], true))).toMatchObject({
    count: 2,
    text: "The config file differs from what is applied. Another program changed link/a.",
  });
});

test("what was dismissed comes again when it is another thing", () => {
  const ids = [status(["link/a"], false), status(["firewall/machine"], false), status(["link/a"], false, 2)].map(
    (one) => attentionOf(one)?.id,
  );
  expect(new Set(ids).size).toBe(3);
});

test.each([
  ["inSync", {}, { tone: "good", title: "In sync", detail: "" }],
  ["applying", { proposed: false, keys: ["link/a", "routes/a"] }, { title: "Repairing", detail: "link/a, routes/a" }],
  ["applying", { proposed: true, keys: [] }, { title: "Applying the config", detail: "" }],
  ["stalled", { reason: "no key", retryInMs: 1_500 }, { tone: "bad", detail: "no key · retry in 1.5 s" }],
  ["protection", { holds: true, reason: "KillSwitchOff" }, { title: "Protected", detail: "the kill switch is on" }],
  ["protection", { holds: false, reason: "Paused" }, { title: "Not protected", detail: "tunnel traffic goes direct" }],
  ["fallback", { devices: [], switches: [] }, { tone: "good", title: "Every tunnel is up" }],
  ["portalFound", { url: "http://login/" }, { tone: "quiet", title: "portal found", detail: "http://login/" }],
])("event %s %o", (type, fields, expected) => {
  expect(eventLine({ type, at: "2026-01-01T00:00:00Z", ...fields })).toMatchObject(expected);
});

test("looks that found nothing are left out, what was found stays", () => {
  const event = (type: string, ...reasons: readonly string[]) => ({ type, at: "", reasons });
  const routine = [event("inSync"), event("woken", "drift timer")];
  const found = [event("inSync"), event("applied"), event("applying"), event("woken", "drift timer")];
  const other = [event("inSync"), event("woken", "routes")];
  expect(notable([...routine, ...found, ...routine, ...other])).toEqual(found);
  expect(notable([{ ...event("inSync"), filesNotApplied: true }, event("woken", "drift timer")])).toHaveLength(1);
});

test("events from before the page, and those since, each once and the newest first", () => {
  const event = (second: number) => ({ type: "woken", at: `2026-01-01T00:00:0${second}.000Z` });
  expect(withKept([event(3), event(2)], [event(2), event(1)])).toEqual([event(3), event(2), event(1)]);
  expect(withKept([], [event(2), event(1)])).toEqual([event(2), event(1)]);
});

test("an event of another day has its day", () => {
  const now = new Date(2026, 0, 2, 10).getTime();
  const texts = [new Date(2026, 0, 2, 9, 5, 1), new Date(2026, 0, 1, 9, 5, 1)].map((at) =>
    timeText(at.toISOString(), now),
  );
  expect(texts).toEqual(["09:05:01", "1 Jan 09:05"]);
});

test("a code behind # is no page", () => {
  expect([pageOf("#programs"), pageOf("#toString"), pageOf(""), pageOf(`#${"x".repeat(43)}`)]).toEqual([
    "programs",
    undefined,
    undefined,
    undefined,
  ]);
});

test("the rule that decides, and its line in the config", () => {
  expect(["S4.4 rules/0 (media)", "rules/2", "S4.7 default", "S1.2 no layer matches"].map(ruleText)).toEqual([
    "rule “media”",
    "rule 3",
    "the default",
    "no layer matches",
  ]);
  expect(["rules/0 (media)", "rules/2", "default", "no layer matches"].map(configEntry)).toEqual([
    { entry: "rules/0 (media)", key: "rules", text: "name: media" },
    { entry: "rules/2", key: "rules", text: "entry 3" },
    { entry: "default", key: "", text: "default:" },
    undefined,
  ]);
});
