import { assign, setup } from "xstate";

/** Events of one tunnel. Handshakes are read from its engine; timers belong to the loop. */
export type TunnelEvent =
  | { readonly type: "start" }
  | { readonly type: "resolved" }
  | { readonly type: "resolveFailed" }
  /** A handshake newer than the last one known. */
  | { readonly type: "handshake" }
  /** No handshake came in the time it may take. */
  | { readonly type: "handshakeTimeout" }
  /** The last handshake is older than a session lasts (RejectAfterTime, 180 s). */
  | { readonly type: "sessionExpired" }
  /** Another address, route or network, or the host resumed from sleep. */
  | { readonly type: "networkChanged" }
  /** The engine is gone. */
  | { readonly type: "engineDied" }
  /** The wait requested by `scheduleRetry` is over. */
  | { readonly type: "retry" }
  | { readonly type: "stop" };

export interface TunnelContext {
  /** Consecutive tries without a handshake. */
  readonly failures: number;
}

/** After this many tries without a handshake the tunnel counts as blocked; it keeps trying. */
export const TRIES_BEFORE_BLOCKED = 5;

/**
 * One tunnel: `down → resolving → handshaking → up → stale → reconnecting`, and `blocked` when it keeps failing. No state
 * ever opens the firewall: while a tunnel is not up, its flows are dropped by the policy (law 1). Pure: effects are the
 * named actions `resolve`, `requestHandshake`, `setEndpointAgain`, `startEngine`, `scheduleRetry`.
 */
export const tunnelMachine = setup({
  types: {
    context: {} as TunnelContext,
    events: {} as TunnelEvent,
  },
  actions: {
    resolve: () => undefined,
    requestHandshake: () => undefined,
    setEndpointAgain: () => undefined,
    startEngine: () => undefined,
    scheduleRetry: () => undefined,
    noteFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    noteSuccess: assign({ failures: 0 }),
  },
  guards: {
    failedTooOften: ({ context }) => context.failures + 1 >= TRIES_BEFORE_BLOCKED,
  },
}).createMachine({
  id: "tunnel",
  context: { failures: 0 },
  initial: "down",
  states: {
    down: { entry: "noteSuccess", on: { start: "resolving" } },
    resolving: {
      entry: "resolve",
      on: {
        resolved: "handshaking",
        resolveFailed: [
          { guard: "failedTooOften", target: "blocked", actions: "noteFailure" },
          { target: "reconnecting", actions: "noteFailure" },
        ],
        engineDied: { actions: "startEngine" },
        networkChanged: { target: "resolving", reenter: true },
        stop: "down",
      },
    },
    handshaking: {
      entry: "requestHandshake",
      on: {
        handshake: "up",
        handshakeTimeout: [
          { guard: "failedTooOften", target: "blocked", actions: "noteFailure" },
          { target: "reconnecting", actions: "noteFailure" },
        ],
        engineDied: { target: "reconnecting", actions: ["noteFailure", "startEngine"] },
        networkChanged: "resolving",
        stop: "down",
      },
    },
    up: {
      entry: "noteSuccess",
      on: {
        sessionExpired: "stale",
        engineDied: { target: "reconnecting", actions: "startEngine" },
        // An engine keeps its old source address for seconds; setting the same endpoint again updates it at once.
        networkChanged: { actions: "setEndpointAgain" },
        stop: "down",
      },
    },
    stale: {
      entry: "requestHandshake",
      on: {
        handshake: "up",
        handshakeTimeout: { target: "reconnecting", actions: "noteFailure" },
        engineDied: { target: "reconnecting", actions: "startEngine" },
        networkChanged: "resolving",
        stop: "down",
      },
    },
    reconnecting: {
      entry: "scheduleRetry",
      on: {
        retry: "resolving",
        networkChanged: "resolving",
        handshake: "up",
        engineDied: { actions: "startEngine" },
        stop: "down",
      },
    },
    blocked: {
      entry: "scheduleRetry",
      on: {
        retry: "resolving",
        networkChanged: "resolving",
        handshake: "up",
        engineDied: { actions: "startEngine" },
        stop: "down",
      },
    },
  },
});
