import { describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { countOf, isFullSize, sized } from "../../support/size.ts";
import { race } from "./race.ts";
import { Rivals } from "./rivals.ts";

const programs = ["ip", "nft", ...sized([], ["wireguard-go"])];
const reason = namespaceObstacle() ?? tunObstacle() ?? commandObstacle(...programs);
const rounds = countOf("AWG_ROUNDS", 2, 100);

describe.skipIf(reason !== undefined)(`changes at once${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const program = useBuiltProgram();

  test(`B6: applies, a destroy and a daemon, ${rounds} changes each: each is done whole or names who is at work`, {
    timeout: sized(300_000, 14_400_000),
  }, async () => {
    using rivals = new Rivals(program());
    const wishes = isFullSize
      ? [
          ...[0, 1, 2, 3, 4].map((rival) => rivals.config(rival)),
          rivals.config(5, "embedded"),
          rivals.config(6, "userspace"),
        ]
      : [rivals.config(0), rivals.config(1, "embedded")];
    const ofDaemon = isFullSize ? rivals.config(7, "embedded") : rivals.config(2);
    const reported = await race(rivals, [...wishes, "nothing"], ofDaemon, rounds);
    console.log(reported);
    expect(reported).toContain(`of ${(wishes.length + 1) * rounds} had their way`);
  });
});
