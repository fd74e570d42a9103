import { beforeAll, describe, expect, test } from "vitest";
import { hasProgram } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { countOf } from "../../support/size.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { DaemonProcess } from "../daemon-process.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { type Cell, FailoverLab } from "./failover-lab.ts";

const reason = whyNoLab() ?? (hasProgram("nft") ? undefined : "needs nft");
const PORT = 7;
/** Looks, each of which takes about a second. */
const LOOKS = countOf("AWG_LOOKS", 300, 300);

describe.skipIf(reason !== undefined)(`half the packets lost${reason === undefined ? "" : ` (${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();
  beforeAll(() => new FailoverLab(judged(), new AwgInWorld(judged().world, judged().keys)).count());

  test("traffic moves to the second tunnel at most once and stays, with no packet in the clear", async () => {
    await using awg = new AwgInWorld(judged().world, judged().keys, program());
    const lab = new FailoverLab(judged(), awg);
    const [a, b] = lab.names;
    const config = lab.config(
      [`{ name: echo, ports: ${PORT}, via: ${a} }`],
      "default: { via: block }\nkillSwitch: { enabled: true }",
      `failover: { tunnels: [${b}], mode: hot }`,
    );
    await lab.silence();
    await awg.apply(config);
    await using daemon = new DaemonProcess(awg.argvInside("daemon", "--foreground", "-f", config));
    daemon.start();
    const cell: Cell = { name: "echo", rule: "", port: PORT };
    const where = async () => (await lab.send([cell]))["echo"] ?? "nowhere";
    await daemon.until("the first tunnel", async () => (await where()) === "first");
    const clearBefore = await lab.inTheClear(() => true);
    await lab.loseHalf(judged().first);
    const seen: string[] = ["first"];
    for (let look = 0; look < LOOKS; look += 1) {
      const now = await where();
      // What is lost says nothing; where a look falls into a move, the next one decides.
      if ((now === "first" || now === "second") && now !== seen.at(-1)) seen.push(now);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    console.log(`half lost: ${seen.join(", ")} in ${LOOKS} looks`);
    expect(["first", "first, second"]).toContain(seen.join(", "));
    expect((await lab.inTheClear(() => true)) - clearBefore).toBe(0);
  });
});
