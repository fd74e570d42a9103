import { Capture } from "../../lab/judge/capture.ts";
import { canonicalAddress, dissect } from "../../lab/judge/dissect.ts";
import { place } from "../../lab/world/place.ts";
import { Tethered } from "../../lab/world/tethered.ts";
import type { World } from "../../lab/world/world.ts";

/** A flow that the neighbour wants for itself; `sport` 0 where it knows none. */
export interface Wanted {
  readonly target: string;
  readonly sport: number;
  readonly dport: number;
}

/** Who sends the redirects. */
type Teller = "neighbour" | "vpn";

let attacks = 0;

/** The client's addresses in its tunnel, at which the server tells it. */
const inTunnel = { 4: place.v4.tunnel, 6: place.v6.tunnel } as const;

/**
 * A neighbour that tells the client in the router's name to send to others by way of itself, or has the VPN server tell it
 * through the tunnel, and writes down what the client then hands to it.
 */
export class Redirects implements AsyncDisposable {
  private readonly heard: Capture;
  private readonly sender: Tethered;
  private readonly mac: string;

  private constructor(world: World, mac: string, linkLocal: string, wanted: readonly Wanted[], by: Teller) {
    attacks += 1;
    this.mac = mac;
    this.heard = new Capture(world, "neighbour", ["lan0"], `redirected-${attacks}`);
    const flows = wanted.map((flow) => {
      const family = flow.target.includes(":") ? (6 as const) : (4 as const);
      const { router, client } = family === 4 ? place.v4 : { ...place.v6, router: place.v6.linkLocal };
      const to = by === "vpn" ? inTunnel[family] : client;
      return { ...flow, family, router, client, to, mac, neighbour: family === 4 ? place.v4.neighbour : linkLocal };
    });
    this.sender = new Tethered("redirect.py", [world.namespace(by), JSON.stringify(flows)]);
  }

  /** Begins to send; returns when the first ones were sent. */
  static async begin(world: World, wanted: readonly Wanted[], by: Teller = "neighbour"): Promise<Redirects> {
    const [device] = JSON.parse(await world.inside("neighbour", ["ip", "-j", "address", "show", "lan0"])) as [
      { address: string; addr_info: { local: string; scope: string }[] },
    ];
    const linkLocal = device.addr_info.find(({ scope, local }) => scope === "link" && local.includes(":"));
    if (linkLocal === undefined) throw new Error("the neighbour has no link-local address");
    const redirects = new Redirects(world, device.address, linkLocal.local, wanted, by);
    await redirects.heard.ready();
    await redirects.sender.line("a redirect", (line) => line === "sent");
    return redirects;
  }

  /** Destinations of packets that the client handed to the neighbour and that are for others, each once. */
  strayed(): string[] {
    const own = [place.v4.neighbour, place.v6.neighbour].map(canonicalAddress);
    const senders = [place.v4.client, place.v6.client, place.v4.tunnel, place.v6.tunnel].map(canonicalAddress);
    const mac = Buffer.from(this.mac.replaceAll(":", ""), "hex");
    const all = this.heard
      .frames()
      .filter(({ frame }) => mac.equals(frame.subarray(0, 6)))
      .map(({ frame }) => dissect(frame))
      .filter(({ source = "", destination = "" }) => senders.includes(source) && !own.includes(destination))
      .filter(({ destination = "" }) => !destination.startsWith("fe80:"));
    return [...new Set(all.map(({ destination = "" }) => destination))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sender.end();
    await this.heard.end();
    this.heard.remove();
  }
}
