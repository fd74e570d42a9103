import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlaneEvent } from "../../src/dataplane/contract.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";
import { KEYS, publicOf } from "./interop/talk-with-rival.ts";
import { type Lab, makeLab } from "./lab.ts";
import { FAKE_TIME, fakeTimeObstacle } from "./support/fake-time.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "ping") ?? fakeTimeObstacle;
const SLEEP_SECONDS = 3 * 3600;
/** What a busy machine may hold up the thread. */
const TOLERANCE_SECONDS = 600;

/** The clocks of one end jump as they do while a machine sleeps (CLOCK_BOOTTIME, clock_gettime(2)); the other end stays awake. */
describe.skipIf(obstacle !== undefined)(`a machine that slept (${obstacle ?? "three hours, CLOCK_BOOTTIME"})`, () => {
  let lab: Lab;
  let folder = "";
  const setClock = (offset: string) => writeFileSync(join(folder, "clock"), `${offset}\n`);
  const ping = () => lab.a.namespace.run(["ping", "-q", "-c", "1", "-w", "30", "10.77.0.2"]);
  const events = async () => (await lab.a.tell("events")) as PlaneEvent[];
  const handshakes = async () => (await events()).filter(({ kind }) => kind === "handshake").length;
  /** A busy machine holds up the thread for seconds. */
  const sleeps = async () =>
    (await events()).filter((event) => event.kind === "suspended" && event.milliseconds > 1000 * TOLERANCE_SECONDS);

  beforeAll(() => {
    folder = temporaryFolder("t-sleep");
    setClock("+0h");
    lab = makeLab("sleep", {
      LD_PRELOAD: FAKE_TIME,
      FAKETIME_TIMESTAMP_FILE: join(folder, "clock"),
      FAKETIME_NO_CACHE: "1",
    });
  });
  afterAll(() => {
    lab?.[Symbol.dispose]();
  });

  it("is reported by the engine with the number of expired sessions, and the next packet creates a new one", async () => {
    for (const [end, local, far, last] of [
      ["b", KEYS.b, KEYS.a, 2],
      ["a", KEYS.a, KEYS.b, 1],
    ] as const) {
      const endpoint = end === "a" ? { endpoint: ["192.0.2.2", 51_002] as const } : {};
      const idle = Buffer.alloc(32, 5).toString("base64");
      await lab[end].tell("open", {
        ...{ tun: `tun-${end}`, addresses: [`10.77.0.${last}/24`], mtu: 1420, privateKey: local, port: 51_000 + last },
        peers: [{ key: idle }, { key: publicOf(far), ...endpoint }],
      });
    }
    ping();
    expect(await sleeps()).toEqual([]);

    setClock(`+${SLEEP_SECONDS / 3600}h`);
    await expect.poll(sleeps, { timeout: 30_000 }).toHaveLength(1);
    const [reported] = await sleeps();
    expect(reported).toMatchObject({ tunnel: "tun-a", sessions: 1, tooOld: 1 });
    const seconds = (reported as { readonly milliseconds: number }).milliseconds / 1000;
    expect(Math.abs(seconds - SLEEP_SECONDS)).toBeLessThan(TOLERANCE_SECONDS);

    const before = await handshakes();
    ping();
    await expect.poll(handshakes, { timeout: 30_000 }).toBeGreaterThan(before);
  });
});
