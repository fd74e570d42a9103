import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { DaemonInNamespace } from "./daemon-in-namespace.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "setpriv");

describe.skipIf(obstacle !== undefined)(
  `the daemon answers on its socket${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const program = useBuiltProgram();
    let world: DaemonInNamespace;

    beforeAll(async () => {
      world = new DaemonInNamespace("live", program());
      expect(world.awg("events")).toMatchObject({ status: 13, stderr: expect.stringContaining("no daemon answers") });
      await world.startDaemon();
    }, 120_000);

    afterAll(() => world.end(), 60_000);

    test("wait returns when it holds, and says in time what does not", () => {
      expect(world.awg("wait", "--for", "protected,in-sync", "--timeout", "20s")).toMatchObject({ status: 0 });
      const late = world.awg("wait", "--for", "ready", "--timeout", "1s");
      expect(late.status).toBe(6);
      expect(late.stderr).toMatch(/timed out after 1s: Ready is still no \(waiting for tunnel\/.*\); see awg status/);
      const other = world.awg("wait", "--for", "protected,condition=Stalled", "--timeout", "0");
      expect(other.status).toBe(6);
      expect(other.stderr).toContain("awg: Stalled is no (no apply is open); see awg status");
    });

    test("events lists what the daemon did, for people and as JSON", () => {
      expect(world.awg("events").stdout).toMatch(/Z in sync$/m);
      const lines = world.awg("events", "--json").stdout.trim().split("\n");
      expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toContain("inSync");
    });

    test("status says what the daemon does, and the lines of its config", () => {
      expect(world.awg("status").stdout).toMatch(/^Daemon \(process [0-9]+\): in sync for /m);
      expect(JSON.parse(world.awg("status", "--json").stdout)).toMatchObject({
        daemon: {
          phase: "in-sync",
          keys: [],
          lines: {
            [`tunnels/${world.tunnel}`]: `${world.config}:3`,
            default: expect.stringMatching(/c\.yaml:[0-9]+$/),
          },
        },
      });
    });

    test("log changes the level of the running daemon, and refuses what does not exist", () => {
      const changed = world.awg("log", "level", "warn", "--component", "Router");
      expect([changed.status, changed.stdout]).toEqual([
        0,
        "[Router] of the daemon logs warn and worse until it ends.\n",
      ]);
      expect(world.awg("log", "level", "loud")).toMatchObject({ status: 64, stderr: expect.stringContaining("debug") });
    });

    test("law 8: a user without a role is refused before anything is read", () => {
      const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      const refused = world.host.run([...nobody, ...world.argv("events")], { mayFail: true });
      expect(refused.status).toBe(77);
      expect(refused.stderr).toContain("root and members of group awg or awg-viewer only");
    });

    test("what a person changes beside it is no repair", () => {
      expect(world.awg("down", world.tunnel, "-f", world.config)).toMatchObject({ status: 0 });
      expect(world.awg("wait", "--for", "protected,in-sync", "--timeout", "20s").status).toBe(0);
      const lines = world.awg("events", "--json").stdout.trim().split("\n");
      const types = lines.map((line) => (JSON.parse(line) as { type: string }).type);
      expect(types.filter((type) => type === "applying" || type === "stalled")).toEqual(["applying"]);
    });
  },
);
