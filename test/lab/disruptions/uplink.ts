import { run } from "../world/command.ts";
import { place } from "../world/place.ts";
import { Tethered } from "../world/tethered.ts";
import { type Disruption, onClient, type Scene, sleep } from "./disruption.ts";
import { dock } from "./dock.ts";

/** What happens to the physical network. Each ends with what a network manager would do. */
export const uplinkDisruptions: readonly Disruption[] = [
  {
    name: "link down and up",
    play: async (scene) => {
      await onClient(scene, `ip link set ${place.device} down`);
      await sleep(scene.chance.between(0, 600));
      await bringUp(scene);
    },
  },
  {
    name: "IPv4 renumbered",
    play: async (scene) => {
      const before = scene.home.v4;
      scene.home = { ...scene.home, v4: other(before, [place.v4.client, dock.renumbered4]) };
      await onClient(scene, `ip address delete ${before}/24 dev ${place.device}`);
      await sleep(scene.chance.between(0, 200));
      await bringUp(scene);
    },
  },
  {
    name: "IPv6 renumbered",
    play: async (scene) => {
      const before = scene.home.v6;
      scene.home = { ...scene.home, v6: other(before, [place.v6.client, dock.renumbered6]) };
      await onClient(scene, `ip address delete ${before}/64 dev ${place.device}`);
      await bringUp(scene);
    },
  },
  {
    name: "default route gone and back",
    play: async (scene) => {
      await onClient(
        scene,
        `ip route delete default dev ${place.device}; ip -6 route delete default dev ${place.device}`,
      );
      await sleep(scene.chance.between(0, 500));
      await bringUp(scene);
    },
  },
  {
    name: "default route moved to another link",
    play: async (scene) => {
      await onClient(
        scene,
        `ip link set ${dock.device} up; ip address add ${dock.v4}/24 dev ${dock.device}; ip -6 address add ${dock.v6}/64 dev ${dock.device} nodad
         ip route replace default via ${place.v4.router} dev ${dock.device} metric 50; ip -6 route replace default via ${place.v6.router} dev ${dock.device} metric 50`,
      );
      await sleep(scene.chance.between(300, 1500));
      await onClient(
        scene,
        `ip route delete default dev ${dock.device} metric 50; ip -6 route delete default dev ${dock.device} metric 50
         ip address flush dev ${dock.device}; ip link set ${dock.device} down`,
      );
      await bringUp(scene);
    },
  },
  {
    name: "the network hands out routes past the tunnel (TunnelVision)",
    play: async (scene) => {
      const routes = (verb: string): string =>
        `ip route ${verb} 198.51.100.0/24 via ${place.v4.router} dev ${place.device}; ip -6 route ${verb} 2001:db8:100::/48 via ${place.v6.router} dev ${place.device}`;
      await onClient(scene, routes("replace"));
      await sleep(scene.chance.between(200, 800));
      await onClient(scene, routes("delete"));
    },
  },
  {
    name: "the LAN claims public addresses (TunnelCrack)",
    play: async (scene) => {
      const addresses = (verb: string, more = ""): string =>
        `ip address ${verb} 198.51.100.77/24 dev ${place.device}; ip -6 address ${verb} 2001:db8:100::77/64 dev ${place.device} ${more}`;
      await onClient(scene, addresses("add", "nodad"));
      await sleep(scene.chance.between(200, 800));
      await onClient(scene, addresses("delete"));
    },
  },
  {
    name: "a rogue router advertises prefix, routes and resolver",
    play: async (scene) => {
      await onClient(scene, `sysctl -q -w net.ipv6.conf.${place.device}.accept_ra=2`);
      const advertiser = new Tethered("advertise.py", [scene.world.namespace("internet"), "lan"]);
      await advertiser.line("an advertisement", (line) => line === "sent");
      await sleep(scene.chance.between(200, 800));
      await advertiser.end();
      await onClient(
        scene,
        `sysctl -q -w net.ipv6.conf.${place.device}.accept_ra=0; ip -6 route flush proto ra
         ip -6 address flush dev ${place.device} to ${dock.advertised}::/64`,
      );
      await bringUp(scene);
    },
  },
  {
    name: "another device appears and goes",
    play: async (scene) => {
      await onClient(
        scene,
        "ip link add visitor type dummy; ip link set visitor up; ip address add 172.30.0.1/24 dev visitor",
      );
      await sleep(scene.chance.between(0, 600));
      await onClient(scene, "ip link delete visitor");
    },
  },
];

/** What a network manager does when a link comes up: addresses and routes again. */
export async function bringUp({ world, home }: Pick<Scene, "world" | "home">): Promise<void> {
  const { v4, v6, device } = place;
  const lines = [
    `link set ${device} up`,
    `address replace ${home.v4}/24 broadcast + dev ${device}`,
    `address replace ${home.v6}/64 dev ${device} nodad`,
    `route replace default via ${v4.router} dev ${device}`,
    `route replace 169.254.0.0/16 dev ${device} metric 1000`,
    `route replace default via ${v6.router} dev ${device}`,
  ];
  await run(["ip", "-n", world.namespace("client"), "-batch", "-"], lines.join("\n"));
}

function other(now: string, both: readonly [string, string]): string {
  return now === both[0] ? both[1] : both[0];
}
