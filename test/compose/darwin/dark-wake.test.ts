import { describe, expect, test } from "vitest";
import { MacDaemon } from "./mac-daemon.ts";
import { MacBook } from "./macbook.ts";

const NIGHT = { sleptAtMs: 1_700_000_000_000, wokeAtMs: 1_700_003_600_000 };

describe("a night (doubles at both borders)", () => {
  test("H4: a dark wake makes the daemon look and leaves tunnels alone; they begin again when a user comes", async () => {
    using mac = new MacBook();
    const { machine } = mac.world;
    await mac.apply(await mac.plan());
    await using daemon = new MacDaemon(mac);
    await daemon.until(() => daemon.of("inSync").length > 0);
    const touches = () => mac.world.engineOf("awg-home")?.touches.endpoints ?? 0;
    const [before, looks] = [touches(), daemon.of("inSync").length];

    machine.sleep.pass(NIGHT.sleptAtMs, NIGHT.wokeAtMs, "dark");
    // Sockets may be dead after a sleep.
    machine.tell({ kind: "shut down" });
    // One look: however long the daemon takes to answer, no minute passes on the Mac.
    mac.world.tick();
    await expect.poll(() => daemon.of("inSync").length, { timeout: 30_000 }).toBeGreaterThan(looks);
    expect(touches()).toBe(before);

    machine.sleep.userComes();
    await daemon.until(() => touches() > before);
    expect(daemon.of("applied")).toEqual([]);
  });
});
