import { afterAll, beforeAll, describe, it } from "vitest";
import { commandObstacle } from "../../support/netns.ts";
import { type Lab, makeLab } from "../lab.ts";
import { letRivalBegin } from "./rival-begins.ts";
import { rivalObstacle, talkWithRival } from "./talk-with-rival.ts";

const nftObstacle = commandObstacle("nft");

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

  it.skipIf(nftObstacle !== undefined).each([
    { family: 4, presharedKey: false },
    { family: 6, presharedKey: true },
  ] as const)(
    `begins the handshakes itself over IPv$family, preshared key: $presharedKey, and no packet is lost (${nftObstacle ?? "its sessions made to expire"})`,
    { timeout: 120_000 },
    (one) =>
      letRivalBegin(lab, {
        ...{ ...one, rekeys: 2, pings: ["-i", "0.01", "-c", "40"] },
        ripen: (rival) => rival.expireSessions(),
      }),
  );
});
