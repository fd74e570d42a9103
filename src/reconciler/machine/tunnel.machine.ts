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
  /** A packet came although the session seemed lost. */
  | { readonly type: "heard" }
  /** It is time to ask the peer whether it still answers. */
  | { readonly type: "proofDue" }
  /** The engine is gone. */
  | { readonly type: "engineDied" }
  /** The wait requested by `scheduleRetry` is over. */
  | { readonly type: "retry" };

export interface TunnelContext {
  /** Consecutive tries without a handshake. */
  readonly failures: number;
  /** It did not fail, or answered `PROOFS` times in a row since. */
  readonly isTrusted: boolean;
  /** Answers in a row to handshakes that were asked for as a proof. */
  readonly proofs: number;
  /** Proofs in a row that were asked for and did not come. */
  readonly misses: number;
  readonly awaitsProof: boolean;
}

/** At 50 % loss one handshake in four succeeds, and so many in a row once in a million. */
const PROOFS = 10;
/** One proof may be lost. */
const MOST_MISSES = 1;

/**
 * One tunnel: `down → resolving → handshaking → up → stale → reconnecting`, and so on while handshakes fail. No state
 * ever opens the firewall: while a tunnel is not up, its flows are dropped by the policy (law 1). Pure: effects are the
 * named actions `resolve`, `requestHandshake` and `scheduleRetry`. Engines are restarted by the keeper.
 *
 * Hysteresis: a tunnel that failed is `up` at its first answer, and trusted again only after several in a row, so that
 * a lossy one does not take its traffic back and forth.
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
    noteFailure: assign({ failures: ({ context }) => context.failures + 1, isTrusted: false, proofs: 0 }),
    noteSuccess: assign({ failures: 0, misses: 0, awaitsProof: false }),
    noteAsked: assign({
      misses: ({ context }) => (context.awaitsProof ? context.misses + 1 : 0),
      proofs: ({ context }) => (context.awaitsProof ? 0 : context.proofs),
      awaitsProof: true,
    }),
    noteProof: assign({
      isTrusted: ({ context }) => context.isTrusted || (context.awaitsProof && context.proofs + 1 >= PROOFS),
      proofs: ({ context }) => context.proofs + (context.awaitsProof ? 1 : 0),
      misses: 0,
      awaitsProof: false,
    }),
  },
  guards: {
    isSilent: ({ context }) => context.awaitsProof && context.misses >= MOST_MISSES,
  },
}).createMachine({
  id: "tunnel",
  context: { failures: 0, isTrusted: true, proofs: 0, misses: 0, awaitsProof: false },
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
        handshake: { actions: "noteProof" },
        proofDue: [{ guard: "isSilent", target: "stale" }, { actions: ["noteAsked", "requestHandshake"] }],
        sessionExpired: "stale",
        engineDied: "reconnecting",
      },
    },
    stale: {
      entry: "requestHandshake",
      on: {
        handshake: "up",
        heard: "up",
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
