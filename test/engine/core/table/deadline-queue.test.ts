import fc from "fast-check";
import { expect, test } from "vitest";
import { DeadlineQueue, type Waiting } from "../../../../src/engine/core/table/deadline-queue.ts";
import { checkProperty } from "../../../support/seeded.ts";

test("the queue's top is always the earliest of what waits", () => {
  const deadline = fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 50 }) }, fc.constant(Number.POSITIVE_INFINITY));
  const moves = fc.array(fc.tuple(fc.nat({ max: 11 }), deadline), { maxLength: 80 });
  checkProperty(
    fc.property(moves, (steps) => {
      const queue = new DeadlineQueue<Waiting>();
      const items: Waiting[] = Array.from({ length: 12 }, () => ({ dueAt: Number.POSITIVE_INFINITY, place: -1 }));
      for (const [index, dueAt] of steps) {
        queue.move(items[index] as Waiting, dueAt);
        const earliest = Math.min(...items.map((item) => item.dueAt));
        expect(queue.earliest).toBe(earliest);
        expect(queue.due(25) === undefined).toBe(earliest > 25);
      }
      const order: number[] = [];
      for (let top = queue.due(1e9); top !== undefined; top = queue.due(1e9)) {
        order.push(top.dueAt);
        queue.move(top, Number.POSITIVE_INFINITY);
      }
      expect(order).toEqual([...order].sort((a, b) => a - b));
      expect(items.every(({ place }) => place === -1)).toBe(true);
    }),
  );
});
