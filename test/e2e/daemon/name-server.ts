import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { run, tryRun, waitFor } from "../../lab/world/command.ts";
import type { Server } from "../../lab/world/wireguard.ts";
import type { World } from "../../lab/world/world.ts";

/** Who knows the VPN server's name; the lab's own resolvers answer everything with one address. */
export const names = { name: "vpn.example", bootstrap: ["198.51.100.54", "2001:db8:100::54"] } as const;

/** A name server on the internet by which the VPN server's name has an address of each IP version. */
export class NameServer implements AsyncDisposable {
  private readonly world: World;
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;

  private constructor(world: World, { address4, address6 }: Server) {
    this.world = world;
    const records = [address4, address6].map((address) => `--host-record=${names.name},${address}`);
    const where = [
      ...names.bootstrap.map((address) => `--listen-address=${address}`),
      "--bind-interfaces",
      "--port=53",
      "--user=root",
    ];
    const own = ["--keep-in-foreground", "--no-resolv", "--no-hosts", `--pid-file=${join(world.folder, "names.pid")}`];
    const argv = ["netns", "exec", world.namespace("internet"), "dnsmasq", ...own, ...where, ...records];
    this.child = spawn("ip", argv, { stdio: "ignore" });
    this.ended = new Promise((resolve) => this.child.on("close", () => resolve()));
  }

  /** Starts it; returns when it answers. */
  static async start(world: World, server: Server): Promise<NameServer> {
    for (const address of names.bootstrap) await run(addressOf(world, "add", address));
    const started = new NameServer(world, server);
    const listens = ["ip", "netns", "exec", world.namespace("internet"), "ss", "-Hlun", "sport", "=", ":53"];
    const isThere = async (): Promise<boolean> => {
      const { stdout } = await tryRun(listens);
      return names.bootstrap.every((address) => stdout.includes(address));
    };
    await waitFor("the name server", isThere);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
    for (const address of names.bootstrap) await tryRun(addressOf(this.world, "delete", address));
  }
}

function addressOf(world: World, verb: "add" | "delete", address: string): string[] {
  const nodad = verb === "add" && address.includes(":") ? ["nodad"] : [];
  return ["ip", "-n", world.namespace("internet"), "address", verb, address, "dev", "lo", ...nodad];
}
