import { expect, test } from "vitest";
import { FROM_THE_OLDEST } from "../../../src/api/daemon-lines.ts";
import { EventLog } from "../../../src/daemon/serving/event-log.ts";

const at = "2026-01-01T00:00:00.000Z";

test("a client gets the events after its place, and a snapshot when its place is too old or of another daemon", () => {
  const log = new EventLog("a");
  const places = Array.from({ length: 300 }, (_, index) => log.add({ type: `e${index}`, at }).place);
  const types = (place: string) => log.after(place)?.map(({ event }) => event.type);
  expect(types(places[297] ?? "")).toEqual(["e298", "e299"]);
  expect(types(log.place)).toEqual([]);
  expect(types(places[43] ?? "")).toHaveLength(256);
  expect(types(places[42] ?? "")).toBeUndefined();
  expect(types("a-301")).toBeUndefined();
  expect(types("a-x")).toBeUndefined();
  expect(types("b-300")).toBeUndefined();
  expect(types(FROM_THE_OLDEST)).toHaveLength(256);
});

test("statuses, which come every two seconds, leave room for what happened", () => {
  const log = new EventLog("a");
  const { place } = log.add({ type: "applied", at });
  const seen = Array.from({ length: 600 }, () => log.add({ type: "status", at }).place);
  log.add({ type: "inSync", at });
  const types = (after: string) => log.after(after)?.map(({ event }) => event.type);
  expect(types(FROM_THE_OLDEST)).toEqual(["applied", "status", "inSync"]);
  expect(types(place)).toEqual(["status", "inSync"]);
  expect(types(seen[3] ?? "")).toEqual(["status", "inSync"]);
  expect(types(seen.at(-1) ?? "")).toEqual(["inSync"]);
});
