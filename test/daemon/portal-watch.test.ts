import { beforeEach, expect, test } from "vitest";
import type { Planned } from "../../src/app/plan/planned.ts";
import { type PortalReport, PortalWatch } from "../../src/daemon/portal/portal-watch.ts";
import type { LoginNetwork } from "../../src/host/ports/portal.ts";
import type { OpenPortal } from "../../src/model/portal/portal.ts";
import type { PortalAnswer } from "../../src/model/portal/portal-answer.ts";
import type { DesiredState } from "../../src/model/resources/desired-state.ts";
import { VirtualTime } from "./virtual-time.ts";

const HOTEL: LoginNetwork = { device: "wlan0", gateway: "192.168.1.1", addresses: ["192.168.1.23/24"] };
const POLICY = { allow: true, longestSeconds: 60, probe: "198.51.100.80", anywhere: false };
const login = (url: string): PortalAnswer => ({ kind: "portal", url });
const PAGE = login("http://192.168.1.1/login");

let time: VirtualTime;
let state: DesiredState;
let network: LoginNetwork | undefined;
let answer: PortalAnswer | undefined;
let probes: number;
let reports: PortalReport[];
let watch: PortalWatch;

const stateOf = () => reports.map((one) => (one.type === "portal" ? one.state : one.text));
const plannedFor = (next: DesiredState) => ({ desired: next, plan: { batches: [] } }) as unknown as Planned;

beforeEach(() => {
  time = new VirtualTime();
  state = { resources: [], portal: POLICY };
  [network, answer, probes, reports] = [HOTEL, { kind: "free" }, 0, []];
  const useCases = {
    acceptedState: async () => state,
    apply: async (planned: Planned) => {
      state = planned.desired;
      return { generation: 1, changed: true };
    },
    engine: async () => undefined,
    probe: async () => {},
    load: async () => ({}) as never,
    planOpenPortal: async (_: unknown, portal: OpenPortal) =>
      plannedFor({ ...state, override: { what: "portal", endsMs: 0, endsBootMs: 0, bootId: "", back: 1, portal } }),
    planEndOfPortal: async () => plannedFor({ resources: [], portal: POLICY }),
    portal: {
      readNetwork: async () => network,
      probe: async () => {
        probes += 1;
        return answer;
      },
      resolve: async () => [],
    },
  };
  // The loop, which carries out what is due.
  const wake = () => void watch.due();
  watch = new PortalWatch(useCases, {
    files: [],
    report: (report) => reports.push(report),
    setTimer: time.setTimer,
    random: () => 0,
    wake,
  });
});

test("a network without a login is asked once; a host at rest sends nothing", async () => {
  await time.pass(5_000);
  expect(probes).toBe(1);
  for (let look = 0; look < 20; look += 1) {
    watch.noteLook();
    await time.pass(30_000);
  }
  expect([probes, reports]).toEqual([1, []]);
  watch.noteNetwork();
  await time.pass(5_000);
  expect(probes).toBe(2);
});

test("a page is opened, and closed when the probe gets through", async () => {
  answer = PAGE;
  await time.pass(1_500);
  expect(state.override).toMatchObject({ what: "portal", portal: { addresses: ["192.168.1.1"], servers: [] } });
  answer = { kind: "free" };
  await time.pass(2_500);
  expect([state.override, stateOf()]).toEqual([undefined, ["open", "passed"]]);
});

test("attack: a redirect to a stranger opens nothing, is reported once, and stays so until a person asks", async () => {
  answer = login("https://203.0.113.7/");
  await time.pass(60_000);
  expect([state.override, stateOf()]).toEqual([undefined, ["found"]]);
  watch.askAgain();
  answer = PAGE;
  await time.pass(5_000);
  expect(state.override?.what).toBe("portal");
});

test("with allow: false a page is reported, and never opened", async () => {
  state = { resources: [], portal: { ...POLICY, allow: false } };
  answer = PAGE;
  await time.pass(60_000);
  expect([state.override, stateOf()]).toEqual([undefined, ["found"]]);
});

test("an exception ends with its network", async () => {
  answer = PAGE;
  await time.pass(1_500);
  network = { ...HOTEL, gateway: "10.0.0.1" };
  answer = undefined;
  watch.noteNetwork();
  await time.pass(3_000);
  expect([state.override, stateOf()]).toEqual([undefined, ["open", "left"]]);
});

test("its time over, it stays closed on this network; a pause of a person is left alone", async () => {
  answer = PAGE;
  await time.pass(1_500);
  const { override: _ended, ...over } = state;
  state = over;
  await time.pass(60_000);
  expect([state.override, stateOf()]).toEqual([undefined, ["open", "closed"]]);
  const asked = probes;
  state = { ...over, override: { what: "pause", endsMs: 0, endsBootMs: 0, bootId: "", back: 1 } };
  watch.askAgain();
  await time.pass(60_000);
  expect(probes).toBe(asked);
});
