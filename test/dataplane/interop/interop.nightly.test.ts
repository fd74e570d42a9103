import { afterAll, beforeAll, describe, it } from "vitest";
import { commandObstacle } from "../../support/netns.ts";
import { type Lab, makeLab } from "../lab.ts";
import { letRivalBegin } from "./rival-begins.ts";
import { rivalObstacle, talkWithRival } from "./talk-with-rival.ts";

const MINUTES = 60_000;

const nftObstacle = commandObstacle("nft");

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

  // REKEY_AFTER_TIME is 120 s.
  it.skipIf(nftObstacle !== undefined).each([
    { family: 4, presharedKey: true },
    { family: 6, presharedKey: false },
  ] as const)(
    "begins a handshake itself whenever its session is old, over IPv$family, preshared key: $presharedKey, and no packet is lost",
    { timeout: 15 * MINUTES },
    (one) => letRivalBegin(lab, { ...one, rekeys: 2, pings: ["-i", "0.05", "-c", "2600"], ripen: () => undefined }),
  );
});
