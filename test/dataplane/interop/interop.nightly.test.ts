import { afterAll, beforeAll, describe, it } from "vitest";
import { type Lab, makeLab } from "../lab.ts";
import { rivalObstacle, talkWithRival } from "./talk-with-rival.ts";

const MINUTES = 60_000;

describe.skipIf(rivalObstacle !== undefined)(`Debian's wireguard-go (${rivalObstacle ?? "over a bad link"})`, () => {
  let lab: Lab;
  beforeAll(() => {
    lab = makeLab("interop");
  });
  afterAll(() => lab?.[Symbol.dispose]());

  it.each([
    { family: 4, presharedKey: true },
    { family: 4, presharedKey: false },
    { family: 6, presharedKey: true },
  ] as const)("IPv$family, preshared key: $presharedKey, 20 sessions", { timeout: 10 * MINUTES }, (one) =>
    talkWithRival(lab, { ...one, rekeySeconds: 1, handshakes: 20 }),
  );
});
