import { run, tryRun } from "../world/command.ts";
import type { World } from "../world/world.ts";

/** A second wire of the client into the same LAN, and the addresses that disruptions give the client. */
export const dock = {
  device: "dock",
  /** The router's end, to be captured like the first. */
  wire: "client1",
  v4: "192.168.77.13",
  v6: "fd77::13",
  renumbered4: "192.168.77.12",
  renumbered6: "fd77::12",
  /** The prefix that the rogue router advertises. */
  advertised: "fd99",
} as const;

/** Lays the second wire, down at the client's end; one that lies there already is taken away first. */
export async function layDock(world: World): Promise<void> {
  await tryRun(["ip", "-n", world.namespace("client"), "link", "delete", dock.device]);
  const ends = [
    `link add ${dock.device} netns ${world.namespace("client")} type veth`,
    `peer name ${dock.wire} netns ${world.namespace("internet")}`,
  ];
  await run(["ip", ...ends.join(" ").split(" ")]);
  const internet = [`link set ${dock.wire} master lan`, `link set ${dock.wire} up`];
  await run(["ip", "-n", world.namespace("internet"), "-batch", "-"], internet.join("\n"));
}
