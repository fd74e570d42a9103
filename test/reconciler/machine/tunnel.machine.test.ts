import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { initialTransition, transition } from "xstate";
import { type TunnelEvent, tunnelMachine } from "../../../src/reconciler/machine/tunnel.machine.ts";

type Type = TunnelEvent["type"];
const TYPES: readonly Type[] = [
  "start",
  "resolved",
  "resolveFailed",
  "handshake",
  "handshakeTimeout",
  "sessionExpired",
  "heard",
  "proofDue",
  "engineDied",
  "retry",
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

const WAYS = {
  down: [],
  resolving: ["start"],
  handshaking: ["start", "resolved"],
  up: ["start", "resolved", "handshake"],
  stale: ["start", "resolved", "handshake", "sessionExpired"],
  reconnecting: ["start", "resolveFailed"],
} as const satisfies Record<string, readonly Type[]>;

/** Every transition that leads elsewhere or has an effect. */
const TABLE: Readonly<Record<keyof typeof WAYS, Readonly<Partial<Record<Type, string>>>>> = {
  down: { start: "resolving: resolve" },
  resolving: {
    resolved: "handshaking: requestHandshake",
    resolveFailed: "reconnecting: scheduleRetry",
  },
  handshaking: {
    handshake: "up",
    handshakeTimeout: "reconnecting: scheduleRetry",
    engineDied: "reconnecting: scheduleRetry",
  },
  up: {
    proofDue: "up: requestHandshake",
    sessionExpired: "stale: requestHandshake",
    engineDied: "reconnecting: scheduleRetry",
  },
  stale: {
    handshake: "up",
    heard: "up",
    handshakeTimeout: "reconnecting: scheduleRetry",
    engineDied: "reconnecting: scheduleRetry",
  },
  reconnecting: { retry: "resolving: resolve", handshake: "up" },
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

  test("failures count until a handshake", () => {
    const failing = ["start", "resolved", "handshakeTimeout", "retry", "resolveFailed"] as const;
    expect(follow(...failing).state.context.failures).toBe(2);
    expect(follow(...failing, "handshake").state.context.failures).toBe(0);
  });

  const FAILED = ["start", "resolved", "handshakeTimeout", "handshake"] as const;
  const proofs = (count: number) => Array.from({ length: count }, () => ["proofDue", "handshake"] as const).flat();

  test("a tunnel that failed is up at once, and trusted after ten proofs in a row", () => {
    expect(follow(...WAYS.up).state.context.isTrusted).toBe(true);
    expect(follow(...FAILED, ...proofs(9)).state).toMatchObject({ value: "up", context: { isTrusted: false } });
    expect(follow(...FAILED, ...proofs(10)).state.context.isTrusted).toBe(true);
    expect(follow(...FAILED, ...proofs(9), "proofDue", "proofDue", "handshake").state.context.isTrusted).toBe(false);
  });

  test("a handshake without a request is no proof", () => {
    const rekeys = Array.from({ length: 20 }, () => "handshake" as const);
    expect(follow(...FAILED, ...rekeys).state.context.isTrusted).toBe(false);
  });

  test("two proofs in a row that do not come make it stale, one does not", () => {
    expect(follow(...WAYS.up, "proofDue", "proofDue").state.value).toBe("up");
    expect(follow(...WAYS.up, "proofDue", "proofDue", "proofDue").state.value).toBe("stale");
    expect(follow(...WAYS.up, "proofDue", "proofDue", "handshake", "proofDue").state.value).toBe("up");
  });

  const SENDER = readFileSync(new URL("../../../src/daemon/watch/tunnel-state.ts", import.meta.url), "utf8");

  test("each event is sent and each action carried out by the daemon", () => {
    const actions = Object.keys(tunnelMachine.implementations.actions).filter((name) => !name.startsWith("note"));
    expect(actions).toHaveLength(3);
    expect([...TYPES, ...actions].filter((name) => !SENDER.includes(`"${name}"`))).toEqual([]);
  });
});
