import { setTimeout as sleep } from "node:timers/promises";
import { readResolverMethod } from "../../../../src/host/linux/facts/resolver-method.ts";
import { readHostServers } from "../../../../src/host/linux/resolver/host-servers.ts";
import { resolvedResolver } from "../../../../src/host/linux/resolver/resolved-resolver.ts";
import type { ResolverSpec } from "../../../../src/model/resources/resolver.ts";

/** Sets, changes and reverts a link of the systemd-resolved that runs here; prints what was seen after each step. */
const [record = "", device = ""] = process.argv.slice(2);
const port = resolvedResolver(record);
const first: ResolverSpec = {
  method: "resolved",
  servers: ["10.8.0.1", "fd00::1"],
  search: ["corp.example"],
  device,
};

/** resolved takes a link up into its books some moments after the kernel made it. */
async function ensureSoon(spec: ResolverSpec): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await port.ensure(spec);
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(100);
    }
  }
}

const seen: unknown[] = [readResolverMethod(true), await port.read()];
await ensureSoon(first);
seen.push(await port.read());
await port.ensure({ ...first, servers: ["10.8.0.9"], search: [] });
seen.push(await port.read());
// What another program set on the other link stays the host's own; d1 stands for the uplink.
await resolvedResolver(`${record}.other`).ensure({ ...first, servers: ["192.0.2.53"], device: "d1" });
const places = { resolvConf: "/run/systemd/resolve/stub-resolv.conf", original: "/nowhere", record };
seen.push((await readHostServers(places)).servers);
await port.restore();
seen.push(await port.read());
process.stdout.write(JSON.stringify(seen));
