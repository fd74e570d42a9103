import { assign, setup } from "xstate";

/** Events of the reconciler. They carry no facts about the host: they only cause a new observation. */
export type ReconcilerEvent =
  /** Network, configuration, another program or a timer: observe again. */
  | { readonly type: "wake" }
  | { readonly type: "observed" }
  | { readonly type: "observeFailed"; readonly reason: string }
  /** The plan is empty. */
  | { readonly type: "plannedNothing" }
  | { readonly type: "plannedChanges" }
  /** Nothing more may be done: a conflict, a violated invariant, something unsupported. */
  | { readonly type: "refused"; readonly reason: string }
  /** What is planned has to wait: for another awg, or since the same failed just now. */
  | { readonly type: "mustRest" }
  | { readonly type: "applied" }
  | { readonly type: "applyFailed"; readonly reason: string }
  | { readonly type: "verified" }
  | { readonly type: "rolledBack" }
  /** The wait requested by `scheduleRetry` is over. */
  | { readonly type: "retry" }
  | { readonly type: "stop" };

export interface ReconcilerContext {
  /** Consecutive tries that did not reach inSync; input of backoffMs. */
  readonly failures: number;
  /** Why it is stalled, for people; "" when it is not. */
  readonly reason: string;
  /** Events that came while it must not be disturbed; handled at the next rest. */
  readonly wokenMeanwhile: boolean;
}

const noteFailure = assign<ReconcilerContext, ReconcilerEvent, undefined, ReconcilerEvent, never>({
  failures: ({ context }) => context.failures + 1,
  reason: ({ event, context }) => ("reason" in event ? event.reason : context.reason),
});

/** Anything may have changed during the observation. A refusal that still holds is found again. */
const REFUSED = [
  { guard: "wokenMeanwhile", target: "observing" },
  { target: "stalled", actions: "noteFailure" },
] as const;

/**
 * One reconcile after the other, level-triggered: observe, plan, apply, verify. A failure restores the old state; then
 * it is stalled until the backoff ends or something changes. Pure: effects are named actions (`observe`, `plan`,
 * `apply`, `verify`, `rollBack`, `scheduleRetry`) that the loop performs and answers with events.
 * Nothing interrupts a change between its first write and its end.
 */
export const reconcilerMachine = setup({
  types: {
    context: {} as ReconcilerContext,
    events: {} as ReconcilerEvent,
  },
  actions: {
    observe: () => undefined,
    plan: () => undefined,
    apply: () => undefined,
    verify: () => undefined,
    rollBack: () => undefined,
    scheduleRetry: () => undefined,
    noteFailure,
    noteWake: assign({ wokenMeanwhile: true }),
    forgetWake: assign({ wokenMeanwhile: false }),
    noteSuccess: assign({ failures: 0, reason: "" }),
  },
  guards: {
    wokenMeanwhile: ({ context }) => context.wokenMeanwhile,
  },
}).createMachine({
  id: "reconciler",
  context: { failures: 0, reason: "", wokenMeanwhile: false },
  initial: "idle",
  states: {
    idle: { on: { wake: "observing", stop: "stopped" } },
    observing: {
      entry: ["forgetWake", "observe"],
      on: {
        observed: "planning",
        observeFailed: { target: "stalled", actions: "noteFailure" },
        wake: { actions: "noteWake" },

        stop: "stopped",
      },
    },
    planning: {
      entry: "plan",
      on: {
        plannedNothing: "inSync",
        plannedChanges: "applying",
        refused: REFUSED,
        mustRest: [{ guard: "wokenMeanwhile", target: "observing" }, { target: "stalled" }],
        wake: { actions: "noteWake" },

        stop: "stopped",
      },
    },
    applying: {
      entry: "apply",
      on: {
        applied: "verifying",
        applyFailed: { target: "rollingBack", actions: "noteFailure" },
        wake: { actions: "noteWake" },
        stop: "stopping",
      },
    },
    verifying: {
      entry: "verify",
      on: {
        verified: "inSync",
        refused: REFUSED,
        wake: { actions: "noteWake" },
        stop: "stopping",
      },
    },
    inSync: {
      entry: "noteSuccess",
      always: { guard: "wokenMeanwhile", target: "observing" },
      on: { wake: "observing", stop: "stopped" },
    },
    rollingBack: {
      entry: "rollBack",
      on: {
        rolledBack: "stalled",
        wake: { actions: "noteWake" },
        stop: "stopping",
      },
    },
    stalled: {
      entry: "scheduleRetry",
      on: { retry: "observing", wake: "observing", stop: "stopped" },
    },
    stopping: {
      on: {
        // A stopped apply ends by itself, in the new state or the old one.
        verified: "stopped",
        refused: "stopped",
        rolledBack: "stopped",
        applied: { actions: "verify" },
        applyFailed: { actions: ["noteFailure", "rollBack"] },
      },
    },
    stopped: { type: "final" },
  },
});
