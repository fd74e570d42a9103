import { describe, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { race } from "./race.ts";
import { Rivals } from "./rivals.ts";

const reason = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "wireguard-go");
/** AWG_ROUNDS makes it more or fewer. */
const rounds = Number(process.env["AWG_ROUNDS"] ?? 100);

describe.skipIf(reason !== undefined)(`changes at once${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const program = useBuiltProgram();

  test(`B6: 8 processes and a daemon, ${rounds} changes each`, async () => {
    using rivals = new Rivals(program());
    const policies = [0, 1, 2, 3, 4].map((rival) => rivals.config(rival));
    const wishes = [...policies, rivals.config(5, "embedded"), rivals.config(6, "userspace"), "nothing"];
    process.stdout.write(`${await race(rivals, wishes, rivals.config(7, "embedded"), rounds)}\n`);
  });
});
