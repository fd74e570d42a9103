import { expect, test } from "vitest";
import type { PlaneEvent } from "../../src/dataplane/contract.ts";
import { EventPost } from "../../src/dataplane/worker/event-post.ts";

function post() {
  const posts: (readonly PlaneEvent[])[] = [];
  const clock = { now: 5000 };
  return {
    posts,
    clock,
    events: new EventPost(
      (gathered) => posts.push(gathered),
      () => clock.now,
    ),
  };
}

const handshake: PlaneEvent = { kind: "handshake", tunnel: "t", publicKey: new Uint8Array(32) };
const roamed: PlaneEvent = { ...handshake, kind: "roamed" };
const gone: PlaneEvent = { kind: "device-gone", tunnel: "t", errno: "EBADFD" };

test("the first handshake after a pause is posted with the next turn, the others of that second together at its end", () => {
  const { posts, clock, events } = post();
  events.add(handshake);
  events.postDue();
  expect(posts).toEqual([[handshake]]);
  for (let turn = 0; turn < 99; turn += 1) {
    clock.now += 10;
    events.add(roamed);
    events.postDue();
  }
  expect(posts).toHaveLength(1);
  clock.now += 10;
  events.postDue();
  expect(posts).toEqual([[handshake], Array(99).fill(roamed)]);
  clock.now += 5000;
  events.postDue();
  expect(posts).toHaveLength(2);
});

test("the end of a tunnel is posted at once, after earlier events", () => {
  const { posts, events } = post();
  events.add(handshake);
  events.postDue();
  events.add(roamed);
  events.add(gone);
  expect(posts).toEqual([[handshake], [roamed, gone]]);
});

test("an answer comes after what happened before it", () => {
  const { posts, events } = post();
  events.add(handshake);
  events.postAll();
  events.add(roamed);
  events.postAll();
  events.postAll();
  expect(posts).toEqual([[handshake], [roamed]]);
});
