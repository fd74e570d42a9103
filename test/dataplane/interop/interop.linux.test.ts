import { afterAll, beforeAll, describe, it } from "vitest";
import { commandObstacle } from "../../support/netns.ts";
import { sized } from "../../support/size.ts";
import { type Lab, makeLab } from "../lab.ts";
import { letRivalBegin } from "./rival-begins.ts";
import { rivalObstacle, talkWithRival } from "./talk-with-rival.ts";

const limit = { timeout: sized(120_000, 900_000) };
const handshakes = sized(3, 20);
const nftObstacle = commandObstacle("nft");

describe.skipIf(rivalObstacle !== undefined)(`Debian's wireguard-go (${rivalObstacle ?? "over a bad link"})`, () => {
  let lab: Lab;
  beforeAll(() => {
    lab = makeLab("interop");
  });
  afterAll(() => lab?.[Symbol.dispose]());

  const talks = [
    { family: 6, presharedKey: false },
    ...sized([], [
      { family: 4, presharedKey: true },
      { family: 4, presharedKey: false },
      { family: 6, presharedKey: true },
    ] as const),
  ] as const;
  it.each(talks)(
    `is followed over IPv$family, preshared key: $presharedKey, through ${handshakes} sessions and to other addresses`,
    limit,
    (one) => talkWithRival(lab, { ...one, rekeySeconds: 1, handshakes }),
  );

  it.skipIf(nftObstacle !== undefined).each([
    { family: 4, presharedKey: false },
    { family: 6, presharedKey: true },
  ] as const)(
    `begins the handshakes itself over IPv$family, preshared key: $presharedKey, and no packet is lost (${nftObstacle ?? "its sessions made to expire"})`,
    limit,
    (one) =>
      letRivalBegin(lab, {
        ...{ ...one, rekeys: 2, pings: ["-i", "0.01", "-c", "40"] },
        ripen: (rival) => rival.expireSessions(),
      }),
  );

  const slow = sized([], [
    { family: 4, presharedKey: true },
    { family: 6, presharedKey: false },
  ] as const);
  // REKEY_AFTER_TIME is 120 s.
  if (nftObstacle === undefined)
    for (const one of slow)
      it(`begins a handshake whenever its session is old, over IPv${one.family}, and no packet is lost`, limit, () =>
        letRivalBegin(lab, { ...one, rekeys: 2, pings: ["-i", "0.05", "-c", "2600"], ripen: () => undefined }),
      );
});
