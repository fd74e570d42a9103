import { describe, expect, test } from "vitest";
import { initialTransition, transition } from "xstate";
import {
  TRIES_BEFORE_BLOCKED,
  type TunnelEvent,
  tunnelMachine,
} from "../../../src/reconciler/machine/tunnel.machine.ts";

type Type = TunnelEvent["type"];
const TYPES: readonly Type[] = [
  "start",
  "resolved",
  "resolveFailed",
  "handshake",
  "handshakeTimeout",
  "sessionExpired",
  "networkChanged",
  "engineDied",
  "retry",
  "stop",
];

function follow(...types: readonly Type[]) {
  let [state] = initialTransition(tunnelMachine);
  let effects: string[] = [];
  for (const type of types) {
    const [next, actions] = transition(tunnelMachine, state, { type });
    state = next;
    effects = actions
      .map((action) => action.type)
      .filter((name) => !name.startsWith("xstate.") && !name.startsWith("note"));
  }
  return { state, effects };
}

const FAILED_TRY = ["resolved", "handshakeTimeout", "retry"] as const;
const WAYS = {
  down: [],
  resolving: ["start"],
  handshaking: ["start", "resolved"],
  up: ["start", "resolved", "handshake"],
  stale: ["start", "resolved", "handshake", "sessionExpired"],
  reconnecting: ["start", "resolveFailed"],
  blocked: [
    "start",
    ...Array.from({ length: TRIES_BEFORE_BLOCKED - 1 }, () => FAILED_TRY).flat(),
    "resolved",
    "handshakeTimeout",
  ],
} as const satisfies Record<string, readonly Type[]>;

const AGAIN = {
  retry: "resolving: resolve",
  networkChanged: "resolving: resolve",
  handshake: "up",
  stop: "down",
} as const;

/** Every transition that leads elsewhere or has an effect. */
const TABLE: Readonly<Record<keyof typeof WAYS, Readonly<Partial<Record<Type, string>>>>> = {
  down: { start: "resolving: resolve" },
  resolving: {
    resolved: "handshaking: requestHandshake",
    resolveFailed: "reconnecting: scheduleRetry",
    engineDied: "resolving: startEngine",
    networkChanged: "resolving: resolve",
    stop: "down",
  },
  handshaking: {
    handshake: "up",
    handshakeTimeout: "reconnecting: scheduleRetry",
    engineDied: "reconnecting: startEngine, scheduleRetry",
    networkChanged: "resolving: resolve",
    stop: "down",
  },
  up: {
    sessionExpired: "stale: requestHandshake",
    engineDied: "reconnecting: startEngine, scheduleRetry",
    networkChanged: "up: setEndpointAgain",
    stop: "down",
  },
  stale: {
    handshake: "up",
    handshakeTimeout: "reconnecting: scheduleRetry",
    engineDied: "reconnecting: startEngine, scheduleRetry",
    networkChanged: "resolving: resolve",
    stop: "down",
  },
  reconnecting: { ...AGAIN, engineDied: "reconnecting: startEngine" },
  blocked: { ...AGAIN, engineDied: "blocked: startEngine" },
};

describe("a tunnel's machine", () => {
  for (const [name, way] of Object.entries(WAYS) as [keyof typeof WAYS, readonly Type[]][]) {
    test(`${name}: every event`, () => {
      expect(follow(...way).state.value).toBe(name);
      for (const type of TYPES) {
        const { state, effects } = follow(...way, type);
        const seen = effects.length === 0 ? String(state.value) : `${state.value}: ${effects.join(", ")}`;
        expect(`${type} → ${seen}`).toBe(`${type} → ${TABLE[name][type] ?? name}`);
      }
    });
  }

  test("it counts as blocked only after as many failed tries in a row, and goes on trying", () => {
    expect(follow(...WAYS.blocked.slice(0, -3)).state.value).toBe("reconnecting");
    expect(follow(...WAYS.blocked, "retry", "resolved", "handshake").state.value).toBe("up");
    expect(follow(...WAYS.blocked, "retry", "resolved", "handshake").state.context.failures).toBe(0);
  });
});
