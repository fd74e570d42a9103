import { run } from "../world/command.ts";
import { type Disruption, onClient, type Scene, sleep } from "./disruption.ts";

/** What other programs with rights do to routes, rules, filter and devices. What is the product's, it must repair. */
export const kernelDisruptions: readonly Disruption[] = [
  {
    name: "the tunnel's routes deleted",
    play: (scene) => onClient(scene, flushTables(scene)),
  },
  {
    // What stands in its place is somebody's; that is reported and not deleted (law 6), so it goes again by itself.
    name: "the tunnel's default route replaced by another's for a while",
    play: async (scene) => {
      await onClient(scene, `${tables(scene)} ip route replace blackhole default table $t; done`);
      await sleep(scene.chance.between(0, 600));
      await onClient(
        scene,
        "for t in $(ip route show table all type blackhole | sed -n 's/.* table \\([0-9]*\\).*/\\1/p'); do ip route delete blackhole default table $t; done",
      );
    },
  },
  {
    name: "all policy rules flushed",
    play: async (scene) => {
      await onClient(scene, "ip rule flush; ip -6 rule flush");
      await onClient(
        scene,
        "ip rule add pref 32766 table main; ip rule add pref 32767 table default; ip -6 rule add pref 32766 table main",
      );
    },
  },
  {
    name: "one policy rule deleted",
    play: async (scene) => {
      const { world, chance } = scene;
      const flag = chance.pick(["-4", "-6"]);
      const rules = (await world.inside("client", ["ip", flag, "rule"])).split("\n");
      const ours = rules.map((line) => Number.parseInt(line, 10)).filter((pref) => pref > 0 && pref < 32766);
      await onClient(scene, `ip ${flag} rule delete pref ${chance.pick(ours)}`);
    },
  },
  {
    name: "a foreign rule before all others, and gone",
    play: async (scene) => {
      await onClient(scene, "ip rule add pref 1 table main; ip -6 rule add pref 1 table main");
      await sleep(scene.chance.between(100, 600));
      await onClient(scene, "ip rule delete pref 1; ip -6 rule delete pref 1");
    },
  },
  { name: "nft flush ruleset", play: (scene) => onClient(scene, "nft flush ruleset") },
  {
    name: "the product's table deleted",
    play: (scene) =>
      onClient(scene, "nft delete table inet awg; nft delete table netdev awg; nft delete table arp awg"),
  },
  {
    name: "an accepting rule inserted before the product's",
    play: (scene) =>
      onClient(
        scene,
        `nft list chains | awk '/^table/{t=$2" "$3} /chain/{print t" "$2}' | while read c; do nft insert rule $c accept; done`,
      ),
  },
  {
    name: "a foreign table that accepts everything, and gone",
    play: async (scene) => {
      await onClient(
        scene,
        "nft 'table inet visitor { chain out { type filter hook output priority -400; policy accept; accept; }; chain post { type filter hook postrouting priority -400; accept; }; }'",
      );
      await sleep(scene.chance.between(0, 400));
      await onClient(scene, "nft delete table inet visitor");
    },
  },
  { name: "flow state flushed", play: (scene) => onClient(scene, "conntrack -F") },
  { name: "the tunnel's device deleted", play: (scene) => onClient(scene, `ip link delete ${scene.product.device}`) },
  {
    name: "the tunnel's device set down",
    play: (scene) => onClient(scene, `ip link set ${scene.product.device} down`),
  },
  {
    name: "the tunnel's addresses taken away",
    play: (scene) => onClient(scene, `ip address flush dev ${scene.product.device}`),
  },
  {
    name: "the tunnel's MTU changed",
    play: (scene) => onClient(scene, `ip link set ${scene.product.device} mtu 1300`),
  },
  {
    name: "the tunnel's peer removed by wg",
    play: (scene) =>
      onClient(scene, `wg set ${scene.product.device} peer "$(wg show ${scene.product.device} peers)" remove`),
  },
  {
    name: "thousands of foreign routes come and go",
    play: async (scene) => {
      const lines = (verb: string): string =>
        Array.from({ length: 3000 }, (_, n) => `route ${verb} 10.200.${n >> 8}.${n & 255}/32 dev lo table 77`).join(
          "\n",
        );
      const ip = ["ip", "-n", scene.world.namespace("client"), "-force", "-batch", "-"];
      await run(ip, lines("add"));
      await run(ip, lines("delete"));
    },
  },
];

/** The shell line that empties the tables which lead into the tunnel. */
export function flushTables(scene: Scene): string {
  return `${tables(scene)} ip route flush table $t; ip -6 route flush table $t; done`;
}

/** A shell loop's head over the tables that lead into the tunnel. */
function tables({ product }: Scene): string {
  return `for t in $({ ip route show table all dev ${product.device}; ip -6 route show table all dev ${product.device}; } | sed -n 's/.* table \\([0-9][0-9]*\\).*/\\1/p' | sort -u); do`;
}
