import { describe, expect, test } from "vitest";
import type { Dissected } from "../../lab/judge/dissect.ts";
import { type Exception, service } from "../../lab/judge/exception.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { Session } from "../../lab/judge/session.ts";
import { tryRun, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { DaemonProcess } from "../daemon-process.ts";
import { expecting, link, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { browse, captivate, LOGIN_PAGE, LOGIN_PORT, openHotel, PROBED, pagesAsked, rejoin } from "./hotel.ts";

const reason = whyNoLab();

/** The one question that may go to the network's own name server. */
const LOGIN_NAME_IN_DNS = "\x05login\x05hotel\x07example";
const questionForThePage: Exception = {
  name: "name of the login page",
  allows: ({ destination, destinationPort, payload }: Dissected) =>
    destination === place.v4.router &&
    destinationPort === 53 &&
    new TextDecoder("latin1").decode(payload).includes(LOGIN_NAME_IN_DNS),
};
const exceptions: readonly Exception[] = [
  ...link,
  service("tcp", PROBED, 80),
  questionForThePage,
  ...[80, 443, LOGIN_PORT].map((port) => service("tcp", place.v4.router, port)),
];

describe.skipIf(reason !== undefined)(
  `a network that wants a login${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 240_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test("laws 1, 9: its page opens for a time and closes after the login; nothing else leaves", async () => {
      const { world, keys, first } = judged();
      await using session = await Session.open(world, sessionOptions);
      await session.control();
      const hotel = await openHotel(world);
      await using awg = new AwgInWorld(world, keys, program());
      const portal = `captivePortal: { probe: ${PROBED}, longest: 60s }\n`;
      const config = awg.config({ server: first, engine: "embedded", more: portal });
      await awg.apply(config);
      await using daemon = new DaemonProcess(awg.argvInside("daemon", "--foreground", "-f", config));
      daemon.start();
      await daemon.until("the first look", () => daemon.reported.includes("in sync"));
      await session.beginJudging();

      await captivate(world);
      await rejoin(world);
      await daemon.until("the page", () => daemon.reported.includes("this network wants a login"));
      const status = JSON.parse(await awg.must("status", "--json"));
      expect(status).toMatchObject({ override: { what: "portal", url: expect.stringContaining(LOGIN_PAGE) } });
      const verified = await awg.run("verify");
      expect(verified.status, verified.stdout + verified.stderr).toBe(0);
      await session.rounds(1);

      expect(await browse(world, LOGIN_PAGE)).toContain("I agree");
      expect(await browse(world, LOGIN_PAGE, "--data", "agree=1")).toBe("Welcome");
      await hotel.line("the login", (line) => line === `login ${place.v4.client}`);
      const loggedInMs = performance.now();
      await daemon.until("the end", () => daemon.reported.includes("asks for no login any more"));
      console.log(`the page closed ${Math.round(performance.now() - loggedInMs)} ms after the login`);
      expect(JSON.parse(await awg.must("status", "--json"))).toMatchObject({ override: null });
      const ping = ["ip", "netns", "exec", world.namespace("client"), "ping", "-c1", "-W1", place.v4.echo];
      await waitFor("the tunnel", async () => (await tryRun(ping)).status === 0, 20_000);
      const before = await pagesAsked(world);
      await browse(world, `http://${place.v4.router}:${LOGIN_PORT}/login`);
      expect(await pagesAsked(world)).toBe(before);
      await session.rounds(2);

      const judgement = await session.finish(expecting([first], { exceptions }));
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      const events = (await awg.must("events", "--json")).split("\n").filter(Boolean);
      const states = events.map((line) => JSON.parse(line)).filter(({ type }) => type === "portal");
      expect(states.map(({ state }) => state)).toEqual(["open", "passed"]);
      const portals = (await awg.must("history", "--audit")).match(/ portal by the daemon: applied/g);
      expect(portals).toHaveLength(3);
    });

    test("law 1: without a login the page closes after its time, and stays closed on this network", async () => {
      const { world, keys, first } = judged();
      await using awg = new AwgInWorld(world, keys, program());
      const portal = `captivePortal: { probe: ${PROBED}, longest: 10s }\n`;
      const config = awg.config({ server: first, engine: "embedded", more: portal });
      await awg.apply(config);
      await captivate(world);
      await using daemon = new DaemonProcess(awg.argvInside("daemon", "--foreground", "-f", config));
      daemon.start();
      await daemon.until("the page", () => daemon.reported.includes("this network wants a login; open"));
      expect(await browse(world, LOGIN_PAGE)).toContain("I agree");
      await daemon.until("the end of the time", () => daemon.reported.includes("the login page is closed again"));
      const asked = await pagesAsked(world);
      await browse(world, LOGIN_PAGE);
      const status = JSON.parse(await awg.must("status", "--json"));
      expect(status).toMatchObject({ override: null });
      expect(status.conditions[0]).toMatchObject({ type: "Ready", reason: "LoginPage" });
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      await browse(world, LOGIN_PAGE);
      expect(await pagesAsked(world)).toBe(asked);
      expect(daemon.reported.match(/this network wants a login; open/g)).toHaveLength(1);
    });
  },
);
