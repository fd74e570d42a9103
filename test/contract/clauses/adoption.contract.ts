import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import type { Host } from "../../../src/host/ports/host.ts";
import type { LinkPort } from "../../../src/host/ports/links.ts";
import { type Clause, linkSpec, refuses, tunnelSpec } from "../contract-world.ts";

const NO_STRANGERS_ENGINE = {
  simulated: "no engine of another program runs on a simulated machine",
  darwin: "taking over another program's tunnel needs its descriptor, which macOS hands to nobody",
} as const;
const NO_UAPI = {
  simulated: "an engine of the simulated machine shakes hands when its script says so",
  darwin: "an engine of awg's own follows its interface by itself; the host of a Mac offers no more",
} as const;

/** What hosts promise that can take over a tunnel which another program made, or speak to a running engine. */
export const ADOPTION_CONTRACT: readonly Clause[] = [
  {
    port: "links",
    promise: "a device of another program's engine is taken over while it runs, and given back, twice as well as once",
    covers: [
      ["links.readHolder", "done", "gone", "concurrent"],
      ["links.adopt", "done", "already so", "gone", "partial", "concurrent"],
      ["links.release", "done", "already so", "gone", "partial", "concurrent"],
    ],
    notOn: NO_STRANGERS_ENGINE,
    shares: true,
    async check(world) {
      const [one, two] = [linksOf(world.host), linksOf(world.second())];
      const spec = linkSpec(world);
      assert.equal(await one.readHolder(world.device), undefined);
      await refuses("conflict", () => one.adopt(spec));
      await one.release(spec);
      const pid = await world.others.startEngine(world.device);
      const holders = await Promise.all([one.readHolder(world.device), two.readHolder(world.device)]);
      assert.deepEqual(
        holders.map((holder) => [holder?.pid, holder?.isEngine]),
        [
          [pid, true],
          [pid, true],
        ],
      );
      const before = await seen();
      assert.equal(before?.tunnel, undefined);
      await one.adopt({ ...spec, addresses: [] });
      await Promise.all([one.adopt(spec), two.adopt(spec)]);
      await one.adopt(spec);
      const taken = await seen();
      assert.deepEqual([taken?.index, taken?.tunnel, taken?.held, taken?.mtuBytes], [before?.index, "one", true, 1420]);
      await Promise.all([one.release(spec), two.release(spec)]);
      await one.release(spec);
      const back = await seen();
      assert.deepEqual([back?.index, back?.tunnel], [before?.index, undefined]);
      assert.equal((await one.readHolder(world.device))?.pid, pid);

      async function seen() {
        return (await world.host.links.read()).find(({ device }) => device === world.device);
      }
    },
  },
  {
    port: "links",
    promise: "what wg-quick set up is read, taken away and put back, as often as it is asked for",
    covers: [
      ["links.readLeftovers", "done", "gone", "concurrent"],
      ["links.changeLeftovers", "done", "already so", "gone", "partial", "concurrent"],
    ],
    notOn: NO_STRANGERS_ENGINE,
    shares: true,
    async check(world) {
      const [one, two] = [linksOf(world.host), linksOf(world.second())];
      assert.deepEqual(await one.readLeftovers(world.device), []);
      world.others.addDevice(world.device);
      world.others.addQuickRoute(world.device, "203.0.113.0/24");
      world.others.addQuickRoute(world.device, "198.51.100.0/24");
      const [left, again] = await Promise.all([one.readLeftovers(world.device), two.readLeftovers(world.device)]);
      assert.equal(left.length, 2);
      assert.deepEqual(again, left);
      await one.changeLeftovers(world.device, { back: [], away: left.slice(0, 1) });
      const away = { back: [], away: left };
      await Promise.all([one.changeLeftovers(world.device, away), two.changeLeftovers(world.device, away)]);
      assert.deepEqual(await one.readLeftovers(world.device), []);
      for (const _ of [1, 2]) await one.changeLeftovers(world.device, { back: left, away: [] });
      assert.deepEqual(await one.readLeftovers(world.device), left);
      world.others.removeDevice(world.device);
      await one.changeLeftovers(world.device, away);
    },
  },
  {
    port: "engines",
    promise: "a running engine gets its endpoints again and a handshake request, and stays as it was",
    covers: [
      ["engines.refreshEndpoints", "done", "already so", "gone", "concurrent"],
      ["engines.requestHandshakes", "done", "already so", "gone", "concurrent"],
      ["engines.separateSocket", "done", "gone", "concurrent"],
      ["engines.portHolder", "done", "gone", "concurrent"],
      ["engines.hasRoute", "done", "gone", "concurrent"],
    ],
    notOn: NO_UAPI,
    shares: true,
    async check(world) {
      const [one, two] = [enginesOf(world.host), enginesOf(world.second())];
      for (const call of [one.refreshEndpoints, one.requestHandshakes])
        assert.equal(await call(world.device), undefined);
      assert.equal(await one.separateSocket(tunnelSpec(world)), undefined);
      await world.host.links.ensure(linkSpec(world));
      const spec = tunnelSpec(world);
      const [peer] = spec.peers;
      assert.ok(peer);
      await world.host.engines.ensure({ ...spec, peers: [{ ...peer, persistentKeepaliveSeconds: 0 }] });
      const before = await configured();
      for (const call of [one.refreshEndpoints, two.refreshEndpoints, one.requestHandshakes, two.requestHandshakes]) {
        await Promise.all([call(world.device), call(world.device)]);
        assert.deepEqual(await configured(), before);
      }
      assert.deepEqual(await Promise.all([one.separateSocket(spec), two.separateSocket(spec)]), [undefined, undefined]);
      const reachable = await Promise.all(
        [one, two].map(({ hasRoute }) => Promise.all([hasRoute("198.51.100.7:51820"), hasRoute("[2001:db8:9::9]:1")])),
      );
      assert.deepEqual(reachable, [
        [true, false],
        [true, false],
      ]);
      const ownPort = (await world.host.engines.read(world.device))?.listenPort ?? 0;
      assert.ok(ownPort > 0);
      const stranger = createSocket("udp4");
      await new Promise<void>((resolve) => void stranger.bind(0, resolve));
      const { port } = stranger.address();
      const holders = await Promise.all([ownPort, port, port].map((asked) => one.portHolder(asked)));
      assert.equal(holders[0], undefined);
      for (const holder of holders.slice(1)) assert.match(holder ?? "", new RegExp(`\\(process ${process.pid}\\)`));
      await new Promise<void>((resolve) => void stranger.close(resolve));
      assert.equal(await two.portHolder(port), undefined);

      async function configured() {
        const found = await world.host.engines.read(world.device);
        return found?.peers.map(({ publicKey, endpoint, allowedIPs, persistentKeepaliveSeconds }) => [
          publicKey,
          endpoint,
          allowedIPs,
          persistentKeepaliveSeconds,
        ]);
      }
    },
  },
];

function linksOf({ links }: Host): Required<LinkPort> {
  for (const name of ["readHolder", "readLeftovers", "adopt", "release", "changeLeftovers"] as const) {
    assert.ok(links[name], `links.${name} is not there`);
  }
  return links as Required<LinkPort>;
}

function enginesOf({ engines }: Host) {
  const { refreshEndpoints, requestHandshakes, separateSocket, portHolder, hasRoute } = engines;
  assert.ok(
    refreshEndpoints && requestHandshakes && separateSocket && portHolder && hasRoute,
    "refreshEndpoints, requestHandshakes, separateSocket, portHolder or hasRoute is not there",
  );
  return { refreshEndpoints, requestHandshakes, separateSocket, portHolder, hasRoute };
}
