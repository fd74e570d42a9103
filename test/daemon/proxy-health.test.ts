import { describe, expect, test } from "vitest";
import { ProxyHealth } from "../../src/daemon/watch/proxy-health.ts";

type Report = "up" | "down" | "unknown" | undefined;

function seen(...reports: readonly (readonly [second: number, state: Report])[]): ProxyHealth {
  const health = new ProxyHealth();
  for (const [second, state] of reports) health.look(state === undefined ? undefined : { state }, second * 1000);
  return health;
}

describe("the health of a proxy", () => {
  test("before its first probe it is neither down nor alive", () => {
    expect(seen([0, "unknown"]).at(0)).toMatchObject({ isDown: false, isAlive: false, isTrusted: false });
  });

  test("one that never failed is trusted at once", () => {
    expect(seen([0, "up"]).at(0)).toEqual({ isDown: false, isAlive: true, isTrusted: true, downForMs: 0 });
  });

  test("one that failed is trusted after a minute, and after two when it failed again", () => {
    const health = seen([0, "down"], [10, "up"]);
    expect(health.at(69_000)).toMatchObject({ isDown: false, isAlive: true, isTrusted: false });
    expect(health.at(70_000)).toMatchObject({ isTrusted: true });
    health.look({ state: "down" }, 80_000);
    expect(health.at(85_000)).toMatchObject({ isDown: true, isAlive: false, downForMs: 5000 });
    health.look({ state: "up" }, 90_000);
    expect(health.at(200_000)).toMatchObject({ isTrusted: false });
    expect(health.at(210_000)).toMatchObject({ isTrusted: true });
  });

  test("a relay that is started again within three seconds changes nothing", () => {
    expect(seen([0, "up"], [1, undefined], [3, "up"]).at(3000)).toMatchObject({ isTrusted: true });
    expect(seen([0, "up"], [1, undefined], [3, undefined]).at(3000)).toMatchObject({ isDown: true, isAlive: false });
  });
});
