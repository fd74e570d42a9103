import { describe, expect, test } from "vitest";
import { exactly, PAPER_TIMING, type TimeRange } from "../../../src/engine/constants.ts";
import { PeerTimers, type TimerAction } from "../../../src/engine/core/peer-timers.ts";
import type { Sources } from "../../../src/engine/sources.ts";
import { SeededSources } from "../support/sources.ts";

const NEVER = Number.POSITIVE_INFINITY;
const OFF = exactly(0);
const T = 1_000_000;

/** Draws zero always: jitter 0, ranges give their low end. */
const ZERO: Sources = { fillRandom: (into) => into.fill(0), unixTime: () => ({ seconds: 0, nanoseconds: 0 }) };

const NAMES = ["initiateAt", "retryAt", "keepaliveAt", "silenceAt", "zeroKeysAt", "persistentAt"] as const;
type TimerName = (typeof NAMES)[number];
type Armed = Partial<Record<TimerName, number>>;

/** All timers armed 1 to 6 seconds after T, with a persistent keepalive of 25 s. */
function allArmed(): PeerTimers {
  const timers = new PeerTimers(ZERO, PAPER_TIMING, exactly(25_000));
  for (const [index, name] of NAMES.entries()) timers[name] = T + 1000 * (index + 1);
  return timers;
}

function unarmed(persistent: TimeRange = OFF): PeerTimers {
  return new PeerTimers(ZERO, PAPER_TIMING, persistent);
}

function stateOf(timers: PeerTimers): Armed {
  return Object.fromEntries(NAMES.filter((name) => timers[name] !== NEVER).map((name) => [name, timers[name] - T]));
}

const EVENTS: Readonly<Record<string, (timers: PeerTimers) => void>> = {
  start: (timers) => timers.start(T),
  wantHandshake: (timers) => timers.wantHandshake(T),
  wantRefresh: (timers) => timers.wantRefresh(T),
  initiationSent: (timers) => timers.initiationSent(T),
  handshakeDropped: (timers) => timers.handshakeDropped(),
  handshakeGivenUp: (timers) => timers.handshakeGivenUp(T),
  handshakeDone: (timers) => timers.handshakeDone(),
  sessionMade: (timers) => timers.sessionMade(T),
  dataSent: (timers) => timers.dataSent(T),
  dataReceived: (timers) => timers.dataReceived(T),
  anySent: (timers) => timers.anySent(T),
  anyReceived: (timers) => timers.anyReceived(T),
};

/** What each event makes of no timer armed, and of all six armed (at 1000 … 6000); times after the event. */
const TABLE: readonly (readonly [event: string, fromNothing: Armed, fromAll: Armed])[] = [
  ["start", {}, { ...all(), persistentAt: 0 }],
  ["wantHandshake", { initiateAt: 0 }, all()],
  ["wantRefresh", { initiateAt: 0 }, all()],
  ["initiationSent", { retryAt: 5_000 }, { retryAt: 5_000, silenceAt: 4_000, zeroKeysAt: 5_000, persistentAt: 25_000 }],
  ["handshakeDropped", {}, without(all(), "initiateAt", "retryAt")],
  ["handshakeGivenUp", { zeroKeysAt: 540_000 }, without(all(), "initiateAt", "retryAt", "keepaliveAt")],
  ["handshakeDone", {}, without(all(), "initiateAt", "retryAt", "silenceAt")],
  ["sessionMade", { zeroKeysAt: 540_000 }, { ...all(), zeroKeysAt: 540_000 }],
  ["dataSent", { silenceAt: 15_000 }, all()],
  ["dataReceived", { keepaliveAt: 10_000 }, all()],
  ["anySent", {}, { ...without(all(), "keepaliveAt"), persistentAt: 25_000 }],
  ["anyReceived", {}, { ...without(all(), "silenceAt"), persistentAt: 25_000 }],
];

function all(): Armed {
  return { initiateAt: 1000, retryAt: 2000, keepaliveAt: 3000, silenceAt: 4000, zeroKeysAt: 5000, persistentAt: 6000 };
}

function without(armed: Armed, ...names: readonly TimerName[]): Armed {
  return Object.fromEntries(Object.entries(armed).filter(([name]) => !names.includes(name as TimerName)));
}

describe("every event on every timer", () => {
  test("the table names every event there is", () => {
    expect(TABLE.map(([event]) => event).sort()).toEqual(Object.keys(EVENTS).sort());
  });

  test.each(TABLE)("%s", (event, fromNothing, fromAll) => {
    const bare = unarmed();
    EVENTS[event]?.(bare);
    expect(stateOf(bare)).toEqual(fromNothing);
    const armed = allArmed();
    EVENTS[event]?.(armed);
    expect(stateOf(armed)).toEqual(fromAll);
  });
});

/** What each timer asks for when it is the only one due, and what stands armed afterwards. */
const FIRING: readonly (readonly [TimerName, readonly TimerAction[], Armed])[] = [
  ["initiateAt", ["initiate"], {}],
  ["retryAt", ["retry"], {}],
  ["keepaliveAt", ["keepalive"], {}],
  ["silenceAt", ["initiate"], {}],
  ["zeroKeysAt", ["zero-keys"], {}],
  ["persistentAt", ["persistent"], { persistentAt: 25_000 }],
];

describe("every timer, fired", () => {
  test.each(FIRING)("%s asks for %j", (name, actions, armed) => {
    const timers = unarmed(exactly(25_000));
    timers[name] = T;
    expect(timers.nextAt()).toBe(T);
    expect(timers.due(T - 1)).toEqual([]);
    expect(timers.due(T)).toEqual(actions);
    expect(stateOf(timers)).toEqual(armed);
  });

  test("all at once: keys go first, one handshake, keepalives last", () => {
    const timers = allArmed();
    expect(timers.due(T + 10_000)).toEqual(["zero-keys", "retry", "keepalive", "persistent"]);
  });
});

describe("rules of the paper, section 6", () => {
  test("no two initiations within REKEY_TIMEOUT, however often they are wanted", () => {
    const timers = unarmed();
    timers.initiationSent(T);
    timers.handshakeDone();
    timers.wantHandshake(T + 100);
    expect(timers.initiateAt).toBe(T + 5_000);
    timers.handshakeDropped();
    timers.wantHandshake(T + 100);
    expect(timers.initiateAt).toBe(T + 100);
  });

  test("gives up after 18 retries, and begins again when a packet wants it", () => {
    const timers = unarmed();
    let now = T;
    timers.initiationSent(now);
    const actions: TimerAction[] = [];
    while (actions.at(-1) !== "give-up") {
      now = timers.retryAt;
      actions.push(...timers.due(now));
      if (actions.at(-1) === "retry") timers.initiationSent(now);
    }
    expect(actions.filter((action) => action === "retry").length).toBe(18);
    expect(now - T).toBe(19 * 5_000);
    timers.handshakeGivenUp(now);
    timers.wantHandshake(now);
    expect(timers.due(now)).toEqual(["initiate"]);
    timers.initiationSent(now);
    expect(timers.due(now + 5_000)).toEqual(["retry"]);
  });

  test("a refresh is asked for once a session", () => {
    const timers = unarmed();
    timers.wantRefresh(T);
    expect(timers.due(T)).toEqual(["initiate"]);
    timers.wantRefresh(T);
    expect(timers.nextAt()).toBe(NEVER);
    timers.handshakeDone();
    timers.wantRefresh(T);
    expect(timers.nextAt()).toBe(T);
  });

  test("data that comes while a keepalive is armed asks for another one", () => {
    const timers = unarmed();
    timers.dataReceived(T);
    timers.dataReceived(T + 100);
    expect(timers.due(T + 10_000)).toEqual(["keepalive"]);
    expect(timers.keepaliveAt).toBe(T + 20_000);
    timers.anySent(T + 10_001);
    timers.dataReceived(T + 11_000);
    expect(timers.due(T + 21_000)).toEqual(["keepalive"]);
    expect(timers.keepaliveAt).toBe(NEVER);
  });

  test("jitter spreads retries over 333 ms and ranges are drawn again", () => {
    const timing = { ...PAPER_TIMING, rekeyTimeout: { low: 3_000, high: 7_000 } };
    const timers = new PeerTimers(new SeededSources(7), timing, { low: 20_000, high: 30_000 });
    const waits = new Set<number>();
    const persistent = new Set<number>();
    for (let round = 0; round < 500; round += 1) {
      timers.initiationSent(T);
      waits.add(timers.retryAt - T);
      timers.persistentAt = T;
      timers.due(T);
      persistent.add(timers.persistentAt - T);
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(3_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(7_333);
    expect(waits.size).toBeGreaterThan(300);
    expect(Math.min(...persistent)).toBeGreaterThanOrEqual(20_000);
    expect(Math.max(...persistent)).toBeLessThanOrEqual(30_000);
    expect(persistent.size).toBeGreaterThan(300);
  });

  test("a changed persistent keepalive: on begins at once, off stops, another interval counts from now", () => {
    const timers = unarmed();
    timers.reconfigure(PAPER_TIMING, exactly(25_000), T);
    expect(timers.persistentAt).toBe(T);
    timers.reconfigure(PAPER_TIMING, exactly(10_000), T);
    expect(timers.persistentAt).toBe(T + 10_000);
    timers.reconfigure(PAPER_TIMING, exactly(10_000), T + 3_000);
    expect(timers.persistentAt).toBe(T + 10_000);
    timers.reconfigure(PAPER_TIMING, OFF, T);
    expect(timers.persistentAt).toBe(NEVER);
  });
});
