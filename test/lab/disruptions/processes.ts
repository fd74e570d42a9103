import { place } from "../world/place.ts";
import { type Disruption, onClient, type Part, type Scene, sleep } from "./disruption.ts";
import { flushTables } from "./kernel.ts";
import { bringUp } from "./uplink.ts";

/** What happens to processes: the product's own, and the server at the other end. */
export const processDisruptions: readonly Disruption[] = [
  { name: "engine killed", play: (scene) => signal(scene, "engine", "SIGKILL") },
  { name: "keeper killed", play: (scene) => signal(scene, "keeper", "SIGKILL") },
  {
    name: "keeper and engine killed",
    play: async (scene) => {
      await signal(scene, "keeper", "SIGKILL");
      await signal(scene, "engine", "SIGKILL");
    },
  },
  {
    name: "daemon killed and started",
    play: async (scene) => {
      await signal(scene, "daemon", "SIGKILL");
      await sleep(scene.chance.between(0, 500));
      await scene.product.startDaemon();
    },
  },
  {
    name: "daemon ended and started, something deleted meanwhile",
    play: async (scene) => {
      await signal(scene, "daemon", "SIGTERM");
      await onClient(scene, `ip -6 rule flush; ip link set ${scene.product.device} down`);
      await onClient(scene, "ip -6 rule add pref 32766 table main");
      await scene.product.startDaemon();
    },
  },
  {
    name: "everything of the product killed, daemon started",
    play: async (scene) => {
      for (const part of ["daemon", "keeper", "engine"] as const) await signal(scene, part, "SIGKILL");
      await sleep(scene.chance.between(0, 500));
      await scene.product.startDaemon();
    },
  },
  {
    name: "daemon and engine frozen while the link flaps",
    play: async (scene) => {
      const frozen = [...(await scene.product.pids("daemon")), ...(await scene.product.pids("engine"))];
      for (const pid of frozen) send(pid, "SIGSTOP");
      await onClient(scene, `ip link set ${place.device} down`);
      await sleep(scene.chance.between(300, 1500));
      await bringUp(scene);
      for (const pid of frozen) send(pid, "SIGCONT");
    },
  },
  {
    name: "the server falls silent and comes back",
    play: async ({ world, chance }) => {
      await world.inside("vpn", [
        "nft",
        "add table inet silence; add chain inet silence in { type filter hook input priority 0; policy drop; }",
      ]);
      await sleep(chance.between(200, 1500));
      await world.inside("vpn", ["nft", "delete table inet silence"]);
    },
  },
  {
    name: "a person applies while a route is deleted",
    play: async (scene) => {
      const applied = scene.product.applyByHand();
      await sleep(scene.chance.between(0, 1200));
      await onClient(scene, flushTables(scene));
      await applied;
    },
  },
];

async function signal(scene: Scene, part: Part, kind: NodeJS.Signals): Promise<void> {
  for (const pid of await scene.product.pids(part)) {
    send(pid, kind);
    if (kind !== "SIGSTOP") await gone(pid);
  }
}

function send(pid: number, kind: NodeJS.Signals): void {
  try {
    process.kill(pid, kind);
  } catch {}
}

async function gone(pid: number): Promise<void> {
  const endMs = Date.now() + 30_000;
  while (Date.now() < endMs) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(10);
  }
  throw new Error(`process ${pid} does not end`);
}
