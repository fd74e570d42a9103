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
  /** The engine is gone. */
  | { readonly type: "engineDied" }
  /** The wait requested by `scheduleRetry` is over. */
  | { readonly type: "retry" };

export interface TunnelContext {
  /** Consecutive tries without a handshake. */
  readonly failures: number;
}

/**
 * One tunnel: `down → resolving → handshaking → up → stale → reconnecting`, and so on while handshakes fail. No state
 * ever opens the firewall: while a tunnel is not up, its flows are dropped by the policy (law 1). Pure: effects are the
 * named actions `resolve`, `requestHandshake` and `scheduleRetry`. Engines are restarted by the keeper.
 */
export const tunnelMachine = setup({
  types: {
    context: {} as TunnelContext,
    events: {} as TunnelEvent,
  },
  actions: {
    resolve: () => undefined,
    requestHandshake: () => undefined,
    scheduleRetry: () => undefined,
    noteFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    noteSuccess: assign({ failures: 0 }),
  },
}).createMachine({
  id: "tunnel",
  context: { failures: 0 },
  initial: "down",
  states: {
    down: { on: { start: "resolving" } },
    resolving: {
      entry: "resolve",
      on: {
        resolved: "handshaking",
        resolveFailed: { target: "reconnecting", actions: "noteFailure" },
      },
    },
    handshaking: {
      entry: "requestHandshake",
      on: {
        handshake: "up",
        handshakeTimeout: { target: "reconnecting", actions: "noteFailure" },
        engineDied: { target: "reconnecting", actions: "noteFailure" },
      },
    },
    up: {
      entry: "noteSuccess",
      on: {
        sessionExpired: "stale",
        engineDied: "reconnecting",
      },
    },
    stale: {
      entry: "requestHandshake",
      on: {
        handshake: "up",
        handshakeTimeout: { target: "reconnecting", actions: "noteFailure" },
        engineDied: "reconnecting",
      },
    },
    reconnecting: {
      entry: "scheduleRetry",
      on: {
        retry: "resolving",
        handshake: "up",
      },
    },
  },
});
