import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { refusalOf } from "../../../src/config/feature/support.ts";
import { run, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { sized } from "../../support/size.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { DaemonProcess } from "../daemon-process.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { PERL, ProgramWorld } from "./program-world.ts";

const reason =
  refusalOf("match.apps", "linux") ??
  whyNoLab() ??
  (existsSync("/sys/kernel/btf/vmlinux") ? undefined : "needs the kernel's types (BTF)") ??
  (existsSync(PERL) ? undefined : "needs perl");
/** Fresh processes of each program; each sends two packets. */
const processes = sized(100, 1000);
/** Processes whose sockets are older than the apply. */
const older = sized(20, 300);
/** How often the classifier is replaced under load. */
const applies = sized(2, 20);
const limit = { timeout: sized(120_000, 900_000) };

describe.skipIf(reason !== undefined)(`two copies of one program${reason === undefined ? "" : ` (${reason})`}`, () => {
  const judged = useJudgedWorld();
  let awg: AwgInWorld;
  let programs: ProgramWorld;
  let config: string;

  beforeAll(async () => {
    const { world, keys, first } = judged();
    awg = world.use(new AwgInWorld(world, keys));
    programs = new ProgramWorld(world);
    const more = `rules:
  - { name: granted, apps: [{ path: ${programs.path("granted")} }], via: direct }
reconcile: { driftEvery: 2s }
`;
    config = awg.config({ server: first, more });
    await awg.apply(config);
    await tunnelCarries();
  });

  async function tunnelCarries(): Promise<void> {
    await programs.count();
    const carries = async () => {
      await programs.send("tunnelled", 1);
      return (await programs.counted()).tunnelled.tunnel > 0 ? true : undefined;
    };
    await waitFor("the tunnel to carry packets", carries, 60_000);
  }

  /** The engine may drop a packet under load; none may take the other path. */
  async function expectOwnPaths(): Promise<void> {
    const { granted, tunnelled } = await programs.counted();
    expect(granted).toEqual({ direct: 2 * processes, tunnel: 0 });
    expect(tunnelled.direct).toBe(0);
    expect(tunnelled.tunnel).toBeGreaterThanOrEqual(0.99 * 2 * processes);
  }

  test("law 1: each takes its own path from its first packet", limit, async () => {
    await programs.count();
    await Promise.all([programs.send("granted", processes), programs.send("tunnelled", processes)]);
    await expectOwnPaths();
  });

  test("law 1: replaced by a rename under load, no packet takes the wrong path", limit, async () => {
    const { world } = judged();
    await programs.count();
    const stop = join(world.folder, "stop");
    const replace = (path: string) => `cp ${PERL} ${path}.new && mv ${path}.new ${path}`;
    const paths = [programs.path("granted"), programs.path("tunnelled")];
    const loop = `while [ ! -e ${stop} ]; do ${paths.map(replace).join("; ")}; done`;
    const replacing = run(["sh", "-c", loop], "", limit.timeout);
    try {
      await Promise.all([programs.send("granted", processes), programs.send("tunnelled", processes)]);
    } finally {
      writeFileSync(stop, "");
      await replacing;
    }
    await expectOwnPaths();
  });

  test(
    "law 1: while applies replace the classifier, no packet takes the wrong path, and connections last",
    limit,
    async () => {
      const other = join(judged().world.folder, "other-rules.yaml");
      const rule = "rules:\n  - { apps: [{ dir: /opt/awg-test }], children: false, via: block }";
      writeFileSync(other, readFileSync(config, "utf8").replace("rules:", rule), { mode: 0o600 });
      const connection = await programs.connect("granted", limit.timeout);
      await programs.count();
      let isOver = false;
      const sending = async () => {
        while (!isOver) await Promise.all([programs.send("granted", 10), programs.send("tunnelled", 10)]);
      };
      const applying = applyInTurn([other, config]).finally(() => {
        isOver = true;
      });
      await Promise.all([applying, sending()]);
      const { granted, tunnelled } = await programs.counted();
      expect(granted).toEqual({ direct: expect.any(Number), tunnel: 0 });
      expect(granted.direct).toBeGreaterThan(0);
      expect(tunnelled.direct).toBe(0);
      expect(await connection.ask()).toBe("answered");
    },
  );

  async function applyInTurn(files: readonly string[]): Promise<void> {
    for (let turn = 0; turn < applies; turn += 1) await awg.apply(files[turn % files.length] ?? "");
  }

  test("law 1: with everything of awg killed, the one still goes direct and the other nowhere", limit, async () => {
    expect(await awg.killEverything()).toBeGreaterThan(0);
    await programs.count();
    await Promise.all([programs.send("granted", processes), programs.send("tunnelled", processes)]);
    expect(await programs.counted()).toEqual({
      granted: { direct: 2 * processes, tunnel: 0 },
      tunnelled: { direct: 0, tunnel: 0 },
    });
    await awg.apply(config);
  });

  test(
    "law 1: a classifier that was removed by hand fails closed; drift, verify, ps and explain name it, and an apply repairs it",
    limit,
    async () => {
      const pins = await programs.pins();
      rmSync(pins, { recursive: true });
      await programs.count();
      await Promise.all([programs.send("granted", 20), programs.send("tunnelled", 20)]);
      expect(await programs.counted()).toMatchObject({ granted: { direct: 0 }, tunnelled: { direct: 0 } });
      const drift = await awg.run("drift");
      expect(drift.stdout).toContain("classifier/host");
      const explained = await awg.run("explain", "--app", programs.path("granted"), `${place.v4.echo}:7001`);
      expect(explained.status).toBe(6);
      expect(explained.stdout).toContain("the classifier is not attached");
      const verified = await awg.run("verify");
      expect(verified.status).toBe(6);
      expect(verified.stdout).toContain("rules.0 (granted) may not match new sockets");
      const listed = await awg.run("ps", "--all");
      expect(listed.stdout).toContain("not enforced: the classifier is not attached");
      await awg.apply(config);
      await programs.count();
      await programs.send("granted", 20);
      expect(await programs.counted()).toMatchObject({ granted: { direct: 40, tunnel: 0 } });
    },
  );

  test("a daemon attaches a classifier that was removed by hand", limit, async () => {
    await using daemon = new DaemonProcess(awg.argvInside("daemon", "--foreground", "-f", config));
    daemon.start();
    const pins = await programs.pins();
    rmSync(pins, { recursive: true });
    await daemon.until("the classifier", () => existsSync(join(pins, "sendmsg6")));
    await programs.count();
    await Promise.all([programs.send("granted", 20), programs.send("tunnelled", 20)]);
    expect(await programs.counted()).toMatchObject({ granted: { direct: 40, tunnel: 0 }, tunnelled: { direct: 0 } });
  });

  test(
    "law 1: sockets that are older than the apply take the path of their program, or the strictest",
    limit,
    async () => {
      await awg.must("destroy", "--auto-approve");
      const waiting = await Promise.all([programs.open("granted", older), programs.open("tunnelled", older)]);
      await awg.apply(config);
      await programs.count();
      await Promise.all(waiting.map((sockets) => sockets.use()));
      const { granted, tunnelled } = await programs.counted();
      // The first datagram of a socket without a class, and all of a connected one, take the strictest path.
      expect(granted.direct).toBe(2 * older);
      expect(tunnelled.direct).toBe(0);
    },
  );

  test("law 6: destroy leaves no hook behind", limit, async () => {
    const pins = await programs.pins();
    expect(existsSync(pins)).toBe(true);
    await awg.must("destroy", "--auto-approve");
    expect(existsSync(pins)).toBe(false);
  });
});
