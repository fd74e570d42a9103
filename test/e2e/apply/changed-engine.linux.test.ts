import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { useAwg, useJudgedWorld } from "../judged-world.ts";

// awg's own engine has the kernel leave checksums to it (TUNSETOFFLOAD), wireguard-go of before 2023 knows of none, and later
// ones keep what they find where the device has no virtio header. The setting outlives whoever made it: what it spoils is
// TCP and UDP, which a ping does not tell.

const reason = whyNoLab();

const exchange = join(import.meta.dirname, "../../lab/python/exchange.py");

/** Has the kernel leave checksums (TUN_F_CSUM) to an engine that knows of none, by its descriptor 3 (pidfd_open, pidfd_getfd). */
const leaveChecksums = `
import ctypes, fcntl, sys
call = ctypes.CDLL(None, use_errno=True).syscall
fcntl.ioctl(call(438, call(434, int(sys.argv[1]), 0), 3, 0), 0x400454d0, 1)
`;

describe.skipIf(reason !== undefined)(
  `a tunnel with another engine${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 400_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    const awg = useAwg(judged, program);

    async function carries(engine: "embedded" | "userspace"): Promise<void> {
      const { world, first } = judged();
      const is = engine === "embedded" ? " engine awg-" : "wireguard-go";
      expect((await awg().processes()).map(({ command }) => command).join("\n")).toContain(is);
      await world.inside("client", ["python3", exchange, first.inside4, first.inside6]);
    }

    test("law 5: carries TCP and UDP with each engine in turn, also after a rollback", async () => {
      const { first } = judged();
      const nobody = `{ name: nobody, type: tcp, target: "${first.inside4}:1", via: ${awg().tunnel}, required: true }`;
      for (const [engine, other] of [
        ["embedded", "userspace"],
        ["userspace", "embedded"],
      ] as const) {
        await awg().apply(awg().config({ server: first, engine }));
        await carries(engine);
        const refused = awg().config({ server: first, engine: other, more: `probes: [${nobody}]` });
        const { status, stderr } = await awg().run("apply", "-f", refused, "--auto-approve");
        expect([status, stderr]).toEqual([6, expect.stringMatching(/nobody[\s\S]* was rolled back/)]);
        await carries(engine);
      }
    });

    test("law 5: carries them after keeper and engine died; the next keeper repairs the device", async () => {
      const { world, first } = judged();
      await awg().apply(awg().config({ server: first, engine: "embedded" }));
      await carries("embedded");
      expect(await awg().killEverything()).toBeGreaterThan(1);
      const external = awg().config({ server: first, engine: "userspace" });
      await awg().apply(external);
      await carries("userspace");
      const running = await awg().processes();
      const [engine] = running.filter(({ command }) => command.includes("wireguard-go"));
      await world.inside("client", ["python3", "-c", leaveChecksums, `${engine?.pid}`]);
      for (const { pid } of running.filter((one) => one !== engine)) process.kill(pid, "SIGKILL");
      await awg().apply(external);
      await carries("userspace");
      expect(await awg().processes()).toContainEqual(engine);
    });
  },
);
