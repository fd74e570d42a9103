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
  expect(types(places[43] ?? "")).toBeUndefined();
  expect(types("b-300")).toBeUndefined();
  expect(types(FROM_THE_OLDEST)).toHaveLength(256);
});
