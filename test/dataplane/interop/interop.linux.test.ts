import { afterAll, beforeAll, describe, it } from "vitest";
import { type Lab, makeLab } from "../lab.ts";
import { rivalObstacle, talkWithRival } from "./talk-with-rival.ts";

describe.skipIf(rivalObstacle !== undefined)(`Debian's wireguard-go (${rivalObstacle ?? "over a bad link"})`, () => {
  let lab: Lab;
  beforeAll(() => {
    lab = makeLab("interop");
  });
  afterAll(() => lab?.[Symbol.dispose]());

  it(
    "is followed over IPv6, without a preshared key, through rekeys and to other addresses",
    { timeout: 120_000 },
    () => talkWithRival(lab, { family: 6, presharedKey: false, rekeySeconds: 1, handshakes: 3 }),
  );
});
