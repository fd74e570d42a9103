import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { linuxNetworkEvents } from "../../../../src/host/linux/network-events.ts";
import { linuxRoutes } from "../../../../src/host/linux/routes.ts";
import type { NetworkEvent, Writer } from "../../../../src/host/ports/network-events.ts";

const LIMIT_MS = 60_000;
const SHORT_LIVED = 8;
const RIVAL = fileURLToPath(new URL("./programs/rival.py", import.meta.url));
const PREFERENCE = 10_500;

const heard: NetworkEvent[] = [];
const events = linuxNetworkEvents.watch((event) => heard.push(event));
const none = { addRoutes: [], addRules: [], deleteRules: [], deleteRoutes: [] };
const rule = { family: 4 as const, preference: PREFERENCE, match: { source: "192.0.2.1/32" }, table: 254 };

/** What is told when somebody deletes a policy rule of ours. */
async function deletedBy(remove: () => unknown): Promise<NetworkEvent> {
  await linuxRoutes().change({ ...none, addRules: [rule] });
  heard.splice(0);
  await remove();
  return next();
}

async function next(): Promise<NetworkEvent> {
  const endMs = Date.now() + LIMIT_MS;
  for (;;) {
    const found = heard.find(({ what }) => what === "policy rules");
    if (found !== undefined) return found;
    if (Date.now() > endMs) throw new Error(`heard only ${JSON.stringify(heard)}`);
    await sleep(2);
  }
}

/** A rival that goes on living: who it is, and who it is said to be. */
async function lasting(
  program: string,
  args: readonly string[],
  line: string,
): Promise<{ readonly pid: number | undefined; readonly by: Writer | undefined; readonly again: Writer | undefined }> {
  const child = spawn(program, args, { stdio: ["pipe", "inherit", "inherit"] });
  const { by } = await deletedBy(() => child.stdin.write(`${line}\n`));
  const { by: again } = await deletedBy(() => child.stdin.write(`${line}\n`));
  await ended(child);
  return { pid: child.pid, by, again };
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.stdin?.end();
  await exit;
}

const bystander = spawn("sleep", ["600"], { stdio: "ignore" });
bystander.unref();
process.on("exit", () => bystander.kill());
const python = (count: number, port: number) =>
  lasting("python3", [RIVAL, String(count), String(port)], `${PREFERENCE}`);

const first = await lasting("ip", ["-batch", "-"], `rule delete preference ${PREFERENCE}`);
const second = await python(2, 0);
const impostor = await python(1, bystander.pid ?? 0);

const short: { readonly pid: number | undefined; readonly by: Writer | undefined }[] = [];
for (let n = 0; n < SHORT_LIVED; n += 1) {
  let child: ChildProcess | undefined;
  const { by } = await deletedBy(async () => {
    child = spawn("ip", ["rule", "delete", "preference", String(PREFERENCE)], { stdio: "ignore" });
    await once(child, "exit");
  });
  short.push({ pid: child?.pid, by });
}

heard.splice(0);
spawn("ip", ["rule", "add", "preference", "77", "lookup", "main"], { stdio: "ignore" });
const notOurs = await next();

await events[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify({ self: process.pid, first, second, impostor, short, notOurs }));
