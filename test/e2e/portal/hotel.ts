import { place } from "../../lab/world/place.ts";
import { Tethered } from "../../lab/world/tethered.ts";
import type { World } from "../../lab/world/world.ts";

/** The login page's name, which only the network's own resolver knows. */
export const LOGIN_NAME = "login.hotel.example";
export const LOGIN_PORT = 2050;
export const LOGIN_PAGE = `http://${LOGIN_NAME}:${LOGIN_PORT}/login`;
/** A web server of the internet that answers 204. */
export const PROBED = "198.51.100.80";

/** What the network lets nobody do before the login, by the router's own filter. */
const CAPTIVE = `table inet captive
delete table inet captive
table inet captive {
  set passed { type ipv4_addr; }
  counter pages { }
  chain lead { type nat hook prerouting priority -100;
    iifname "lan" ip saddr != @passed tcp dport 80 redirect to :${LOGIN_PORT}
    iifname "lan" ip saddr != @passed udp dport 53 redirect to :5353
  }
  chain hold { type filter hook forward priority 0;
    iifname "lan" ip saddr != @passed drop
    iifname "lan" meta nfproto ipv6 drop
  }
  chain input { type filter hook input priority 0;
    iifname "lan" tcp dport ${LOGIN_PORT} counter name pages
    iifname "lan" meta l4proto { tcp, udp } th dport { ${LOGIN_PORT}, 5353 } accept
    iifname "lan" ip saddr != @passed meta l4proto { tcp, udp } drop
  }
}`;

/** Makes the lab's router that of a hotel: who has not logged in reaches its login page only. */
export async function openHotel(world: World): Promise<Tethered> {
  await world.inside("internet", ["ip", "address", "add", `${PROBED}/32`, "dev", "lo"]);
  const args = [world.namespace("internet"), place.v4.router, LOGIN_NAME, PROBED];
  const hotel = world.use(new Tethered("portal.py", args));
  await hotel.line("the login page", (line) => line === "ready");
  return hotel;
}

/** Begins to hold everybody back, also who has logged in before. */
export async function captivate(world: World): Promise<void> {
  await world.inside("internet", ["nft", "-f", "-"], CAPTIVE);
}

/** The client leaves the network and comes back, as a person does who opens the laptop in a hotel. */
export async function rejoin(world: World): Promise<void> {
  const onClient = (...words: readonly string[]) => world.inside("client", ["ip", ...words]);
  await onClient("link", "set", place.device, "down");
  await onClient("link", "set", place.device, "up");
  await onClient("route", "replace", "default", "via", place.v4.router);
}

/** Packets that reached the login page on the wire, past every tunnel. */
export async function pagesAsked(world: World): Promise<number> {
  const text = await world.inside("internet", ["nft", "list", "counter", "inet", "captive", "pages"]);
  return Number(/packets (\d+)/.exec(text)?.[1]);
}

/** What a browser gets; undefined if nothing answers within 2 s. */
export async function browse(world: World, url: string, ...more: readonly string[]): Promise<string | undefined> {
  const words = ["curl", "-sS", "--max-time", "2", ...more, url];
  return world
    .inside("client", ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...words])
    .catch(() => undefined);
}
