import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { initialTransition, transition } from "xstate";
import { type ReconcilerEvent, reconcilerMachine } from "../../../src/reconciler/machine/reconciler.machine.ts";

const SENDER = readFileSync(new URL("../../../src/daemon/reconcile-loop.ts", import.meta.url), "utf8");
const SEED = Number(process.env["AWG_SEED"] ?? 20261121);

const EVENTS: readonly ReconcilerEvent[] = [
  { type: "wake" },
  { type: "observed" },
  { type: "observeFailed", reason: "netlink" },
  { type: "plannedNothing" },
  { type: "plannedChanges" },
  { type: "refused", reason: "conflict" },
  { type: "mustRest" },
  { type: "applied" },
  { type: "applyFailed", reason: "no device" },
  { type: "verified" },
  { type: "rolledBack" },
  { type: "retry" },
  { type: "stop" },
];

type State = ReturnType<typeof transition<typeof reconcilerMachine>>[0];

/** Follows events from the start; gives the state and the effects of the last one. */
function follow(...types: readonly ReconcilerEvent["type"][]): { state: State; effects: string[] } {
  let [state] = initialTransition(reconcilerMachine);
  let effects: string[] = [];
  for (const type of types) {
    const event = EVENTS.find((candidate) => candidate.type === type) as ReconcilerEvent;
    const [next, actions] = transition(reconcilerMachine, state, event);
    state = next;
    effects = effectsOf(actions);
  }
  return { state, effects };
}

function effectsOf(actions: readonly { readonly type: string }[]): string[] {
  return actions.map(({ type }) => type).filter((type) => !type.startsWith("xstate.") && !/^(note|forget)/.test(type));
}

/** Shortest way into each state. */
const WAYS = {
  idle: [],
  observing: ["wake"],
  planning: ["wake", "observed"],
  applying: ["wake", "observed", "plannedChanges"],
  verifying: ["wake", "observed", "plannedChanges", "applied"],
  inSync: ["wake", "observed", "plannedNothing"],
  rollingBack: ["wake", "observed", "plannedChanges", "applyFailed"],
  stalled: ["wake", "observeFailed"],
  stopping: ["wake", "observed", "plannedChanges", "stop"],
  stopped: ["stop"],
} as const satisfies Record<string, readonly ReconcilerEvent["type"][]>;

/** Every transition that leads elsewhere, or has an effect; any other event changes nothing but notes. */
const TABLE: Readonly<Record<keyof typeof WAYS, Readonly<Partial<Record<ReconcilerEvent["type"], string>>>>> = {
  idle: { wake: "observing: observe", stop: "stopped" },
  observing: { observed: "planning: plan", observeFailed: "stalled: scheduleRetry", stop: "stopped" },
  planning: {
    plannedNothing: "inSync",
    plannedChanges: "applying: apply",
    refused: "stalled: scheduleRetry",
    mustRest: "stalled: scheduleRetry",
    stop: "stopped",
  },
  applying: { applied: "verifying: verify", applyFailed: "rollingBack: rollBack", stop: "stopping" },
  verifying: {
    verified: "inSync",
    refused: "stalled: scheduleRetry",
    stop: "stopping",
  },
  inSync: { wake: "observing: observe", stop: "stopped" },
  rollingBack: {
    rolledBack: "stalled: scheduleRetry",
    stop: "stopping",
  },
  stalled: { retry: "observing: observe", wake: "observing: observe", stop: "stopped" },
  stopping: {
    verified: "stopped",
    refused: "stopped",
    rolledBack: "stopped",
    applied: "stopping: verify",
    applyFailed: "stopping: rollBack",
  },
  stopped: {},
};

describe("the reconciler's machine", () => {
  for (const [name, way] of Object.entries(WAYS) as [keyof typeof WAYS, readonly ReconcilerEvent["type"][]][]) {
    test(`B15: ${name}: every event`, () => {
      expect(follow(...way).state.value).toBe(name);
      for (const event of EVENTS) {
        const { state, effects } = follow(...way, event.type);
        const seen = effects.length === 0 ? String(state.value) : `${state.value}: ${effects.join(", ")}`;
        expect(`${event.type} → ${seen}`).toBe(`${event.type} → ${TABLE[name][event.type] ?? name}`);
      }
    });
  }

  test("a wake during a change is heeded when the change is over", () => {
    const { state, effects } = follow(...WAYS.applying, "wake", "applied", "verified");
    expect(state.value).toBe("observing");
    expect(effects).toEqual(["observe"]);
    expect(state.context.wokenMeanwhile).toBe(false);
  });

  test.each(["planning", "verifying"] as const)(
    "a wake before what is refused is heeded, and only once (%s)",
    (name) => {
      const { state } = follow(...WAYS[name], "wake", "refused");
      expect(state.value).toBe("observing");
      expect(follow(...WAYS[name], "wake", "refused", "observed", "refused").state.value).toBe("stalled");
    },
  );

  test("law 4: failures are counted and named until it is in sync again", () => {
    const failed = follow(
      "wake",
      "observeFailed",
      "retry",
      "observed",
      "plannedChanges",
      "applyFailed",
      "rolledBack",
    ).state;
    expect(failed.context).toMatchObject({ failures: 2, reason: "no device" });
    expect(follow("wake", "observed", "mustRest").state.context).toMatchObject({ failures: 0, reason: "" });
    const healed = follow("wake", "observeFailed", "retry", "observed", "plannedNothing").state;
    expect(healed.context).toMatchObject({ failures: 0, reason: "" });
  });

  test("law 5: after any events, nothing but the end of a change ends a change", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 30 }), (events) => {
        let [state] = initialTransition(reconcilerMachine);
        for (const event of events) {
          const [next] = transition(reconcilerMachine, state, event);
          const changing = ["applying", "verifying", "rollingBack", "stopping"].includes(String(state.value));
          const rests = ["idle", "stalled", "inSync", "stopped", "observing"].includes(String(next.value));
          if (changing && rests) expect(["verified", "rolledBack"]).toContain(event.type);
          state = next;
        }
      }),
      { seed: SEED },
    );
  });

  test("each event is sent and each action carried out by the daemon", () => {
    const actions = Object.keys(reconcilerMachine.implementations.actions).filter(
      (name) => !/^(note|forget)/.test(name),
    );
    expect(actions.length).toBeGreaterThan(4);
    const names = [...EVENTS.map(({ type }) => type), ...actions];
    expect(names.filter((name) => !SENDER.includes(`"${name}"`))).toEqual([]);
  });
});
