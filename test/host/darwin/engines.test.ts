import { expect, test } from "vitest";
import { linkSpec, tunnelSpec } from "../../contract/contract-world.ts";
import { DarwinWorld } from "../../contract/darwin-world.ts";

test("an engine on a Mac gets its endpoints again, and a handshake request where it has no keepalive", async () => {
  using world = new DarwinWorld();
  const contract = world.contract();
  const { engines, links } = contract.host;
  await links.ensure(linkSpec(contract));
  const [peer] = tunnelSpec(contract).peers;
  if (peer === undefined) throw new Error("the tunnel has no peer");
  const specOf = (persistentKeepaliveSeconds: number) => ({
    ...tunnelSpec(contract),
    peers: [{ ...peer, persistentKeepaliveSeconds }],
  });
  await engines.ensure(specOf(0));
  const touches = () => ({ ...world.engineOf(contract.device)?.touches });
  await engines.refreshEndpoints?.(contract.device);
  expect(touches()).toEqual({ endpoints: 1, keepalives: 0 });
  await engines.requestHandshakes?.(contract.device);
  expect(touches()).toEqual({ endpoints: 1, keepalives: 1 });
  expect((await engines.read(contract.device))?.peers[0]?.persistentKeepaliveSeconds).toBe(0);
  await engines.ensure(specOf(25));
  const before = touches();
  await engines.requestHandshakes?.(contract.device);
  expect(touches()).toEqual(before);
});

test("an engine on a Mac with an unreadable answer is reported alone and not changed", async () => {
  using world = new DarwinWorld();
  const contract = world.contract();
  const { engines, links } = contract.host;
  await links.ensure(linkSpec(contract));
  await engines.ensure(tunnelSpec(contract));
  world.engineOf(contract.device)?.set("set=1\nlisten_port=nonsense\n");
  const before = { ...world.engineOf(contract.device)?.touches };
  const reported = [{ device: contract.device, running: false, silence: { isGarbled: true, canGoOn: false } }];
  expect(await engines.readAll()).toMatchObject(reported);
  await engines.refreshEndpoints?.(contract.device);
  expect(world.engineOf(contract.device)?.touches).toEqual(before);
});
