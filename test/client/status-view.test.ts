import { describe, expect, test } from "vitest";
import type { TunnelsState } from "../../src/client/client-api.ts";
import { type Look, lookOf } from "../../src/client/view/status-of-document.ts";
import { stepView, type View, type ViewInput } from "../../src/client/view/status-view.ts";

const look = (state: TunnelsState, document: unknown = state): ViewInput => ({
  type: "look",
  look: { state, document },
});
const tunnel = (name: string, state: string): object => ({ key: `tunnel/${name}`, tunnel: { state } });

/** What is shown, look after look; "…" for one that is held. */
function shown(...inputs: readonly ViewInput[]): readonly string[] {
  let view: View = {};
  return inputs.flatMap((input) => {
    const step = stepView(view, input);
    view = step.view;
    if (step.wait) return ["…"];
    return step.show === undefined ? [] : [text(step.show)];
  });
}

const text = ({ state, error }: Look): string => (error === undefined ? state : `${state}: ${error.message}`);

describe("pending states", () => {
  test("one that passes quickly is not shown", () => {
    expect(shown(look("connected"), look("connecting"), look("connected"))).toEqual(["connected", "…", "connected"]);
  });
  test("one that lasts is", () => {
    const inputs = [look("connected"), look("connecting"), look("connecting"), { type: "timer" } as const];
    expect(shown(...inputs)).toEqual(["connected", "…", "…", "connecting"]);
    expect(shown(...inputs, look("connecting"))).toEqual(["connected", "…", "…", "connecting", "connecting"]);
  });
  test("the first look is shown whatever it is", () => {
    expect(shown(look("connecting"))).toEqual(["connecting"]);
  });
});

describe("the state that an action aims at", () => {
  const up: ViewInput = { type: "aim", aim: "connecting" };
  const down: ViewInput = { type: "aim", aim: "disconnecting" };
  test("is shown at once, and until the host has it", () => {
    const inputs = [look("connected"), down, look("connected"), look("disconnected"), look("connected")];
    expect(shown(...inputs)).toEqual(["connected", "disconnecting", "disconnecting", "disconnected", "connected"]);
    expect(shown(look("disconnected"), up, look("disconnected"), look("connected"))).toEqual([
      "disconnected",
      "connecting",
      "connecting",
      "connected",
    ]);
  });
  test("ends when the action failed, with its error and the state of the host together", () => {
    const failed: ViewInput = { type: "settled", error: { code: 5, message: "another awg runs" } };
    expect(shown(look("connected"), down, failed)).toEqual([
      "connected",
      "disconnecting",
      "connected: another awg runs",
    ]);
    expect(shown(look("connected"), down, failed, look("connected")).at(-1)).toBe("connected");
  });
  test("ends when the action ended, even if the host stayed as it was", () => {
    expect(shown(look("connected"), down, { type: "settled" }).at(-1)).toBe("connected");
  });
  test("is replaced by the look after the action, which is shown with its error", () => {
    const after: Look = { state: "disconnected", document: null };
    const settled: ViewInput = { type: "settled", look: after, error: { code: 5, message: "no route" } };
    expect(shown(look("connected"), down, settled).at(-1)).toBe("disconnected: no route");
  });
  test("ends with the daemon", () => {
    const lost: ViewInput = { type: "lost", look: { state: "disconnected", document: null } };
    expect(shown(look("disconnected"), up, lost, look("connecting"))).toEqual([
      "disconnected",
      "connecting",
      "disconnected",
      "…",
    ]);
  });
  test("a held look is not shown over it", () => {
    expect(shown(look("connected"), look("connecting"), down, { type: "timer" })).toEqual([
      "connected",
      "…",
      "disconnecting",
    ]);
  });
});

describe("what a document says", () => {
  test.each<[string, object, TunnelsState, string | undefined]>([
    ["no tunnel runs", { resources: [{ key: "firewall/awg" }] }, "disconnected", undefined],
    ["a peer answers", { resources: [tunnel("a", "connected")] }, "connected", undefined],
    ["nothing is sent", { resources: [tunnel("a", "idle")] }, "connected", undefined],
    ["no peer answers", { resources: [tunnel("a", "blocked")] }, "connecting", "no peer answers: tunnel/a"],
    ["one of two", { resources: [tunnel("a", "idle"), tunnel("b", "down")] }, "connected", "no peer answers: tunnel/b"],
    [
      "the daemon is stalled",
      { resources: [tunnel("a", "idle")], conditions: [{ type: "Stalled", status: true, message: "no key" }] },
      "error",
      "no key",
    ],
    ["fields of another form", { resources: [null, 1, { key: 1 }], conditions: "x" }, "disconnected", undefined],
  ])("%s", (_name, document, state, message) => {
    const read = lookOf(document);
    expect([read.state, read.error?.message, read.document]).toEqual([state, message, document]);
  });

  test("nothing at all is disconnected", () => {
    for (const document of [null, undefined, 1, "x", []]) expect(lookOf(document).state).toBe("disconnected");
  });

  test("connected_at is the time since when all is ready", () => {
    const since = "2026-01-01T00:00:00.000Z";
    const document = { resources: [tunnel("a", "idle")], conditions: [{ type: "Ready", status: true, since }] };
    expect(lookOf(document).connected_at).toBe(since);
    const unknown = { ...document, conditions: [{ type: "Ready", status: true, since: null }] };
    expect(lookOf(unknown)).not.toHaveProperty("connected_at");
  });
});
