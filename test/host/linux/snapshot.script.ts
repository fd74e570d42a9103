import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { linuxHost } from "../../../src/host/linux/linux-host.ts";
import type { Host } from "../../../src/host/ports/host.ts";
import { ROUTE_PROTOCOL, tableOfPath } from "../../../src/model/ownership.ts";
import type { SecretId } from "../../../src/model/secret.ts";

/** What one look at this network namespace tells, and what others do, while devices come and go. */
const { runDir } = JSON.parse(readFileSync(0, "utf8")) as { readonly runDir: string };
const secrets = { idOf: () => "" as SecretId, bytesOf: () => new Uint8Array() };
const folders = { runDir, stateDir: `${runDir}/state` };
await using host = linuxHost({ ...folders, namespaced: true, keeperCommand: ["/bin/false"], secrets });

function ip(...words: readonly string[]): void {
  const { status, stderr } = spawnSync("ip", words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${words.join(" ")}: ${stderr}`);
}

async function devices({ links }: Pick<Host, "links">): Promise<readonly string[]> {
  return (await links.read())
    .map(({ device }) => device)
    .filter((device) => device !== "lo")
    .toSorted();
}

async function waysOut({ routes }: Pick<Host, "routes">): Promise<readonly unknown[]> {
  return (await routes.readRoutes([tableOfPath(1)])).map(({ destination, device }) => [destination, device]);
}

const look = host.snapshot?.() ?? host;
ip("link", "add", "d0", "type", "veth", "peer", "name", "e0");
ip("link", "set", "d0", "alias", "awg:old");
const first = await devices(look);
ip("link", "delete", "d0");
ip("link", "add", "d1", "type", "veth", "peer", "name", "e1");
ip("link", "set", "e1", "up");
ip("link", "set", "d1", "up");
ip("route", "add", "10.9.0.0/16", "dev", "d1", "table", String(tableOfPath(1)), "proto", String(ROUTE_PROTOCOL));
const reported = {
  first,
  same: await devices(look),
  engines: (await look.engines.readAll()).length,
  routes: await waysOut(look),
  now: await devices(host),
  next: await devices(host.snapshot?.() ?? host),
};
process.stdout.write(JSON.stringify(reported));
