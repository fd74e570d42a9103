import { mkdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname, join } from "node:path";

/**
 * An engine as far as UAPI tells of one (wireguard.com/xplatform): keeps what it was set, and answers with it; awg's own
 * says that it is. It listens where wireguard-go does, below a folder that stands for /.
 */
export class FakeEngine {
  /** How often a peer's endpoint was told again, and how often it was asked for a sign of life. */
  readonly touches = { endpoints: 0, keepalives: 0 };
  readonly #server: Server;
  readonly #path: string;
  readonly #device = new Map<string, string>();
  readonly #peers = new Map<string, Map<string, string | string[]>>();

  constructor(root: string, interfaceName: string, kind: "userspace" | "embedded" = "userspace") {
    if (kind === "embedded") this.#device.set("awg_engine", "embedded");
    this.#path = join(root, "var/run/wireguard", `${interfaceName}.sock`);
    mkdirSync(dirname(this.#path), { recursive: true });
    this.#server = createServer((socket) => {
      let asked = "";
      socket.on("error", () => undefined);
      socket.setEncoding("utf8").on("data", (text: string) => {
        asked += text;
        if (!asked.endsWith("\n\n")) return;
        socket.write(this.#say(asked));
        asked = "";
      });
    });
  }

  listen(): Promise<void> {
    return new Promise((done) => this.#server.listen(this.#path, done));
  }

  close(): void {
    this.#server.close();
    rmSync(this.#path, { force: true });
  }

  #answer(): string {
    const lines = [...this.#device].map(([key, value]) => `${key}=${value}`);
    for (const [publicKey, fields] of this.#peers) {
      lines.push(`public_key=${publicKey}`);
      for (const [key, value] of fields) {
        for (const one of Array.isArray(value) ? value : [value]) lines.push(`${key}=${one}`);
      }
    }
    return `${lines.join("\n")}${lines.length === 0 ? "" : "\n"}errno=0\n\n`;
  }

  #say(asked: string): string {
    if (asked.startsWith("get=1\n")) return this.#answer();
    this.set(asked);
    return "errno=0\n\n";
  }

  /** Takes a `set` over UAPI; what cannot be read of it is kept as it stands. */
  set(text: string): void {
    let peer: Map<string, string | string[]> | undefined;
    let publicKey = "";
    for (const line of text.split("\n").slice(1)) {
      const [key = "", value = ""] = line.split(/=(.*)/s);
      if (key === "") continue;
      if (key === "replace_peers") this.#peers.clear();
      else if (key === "public_key") {
        publicKey = value;
        peer = this.#peers.get(value) ?? new Map();
        this.#peers.set(value, peer);
      } else if (key === "remove") this.#peers.delete(publicKey);
      else if (key === "update_only") continue;
      else if (peer !== undefined && key === "persistent_keepalive_interval") {
        // wireguard-go sends when the interval was 0 and is not any more (device/uapi.go).
        if ((peer.get(key) ?? "0") === "0" && value !== "0") this.touches.keepalives += 1;
        peer.set(key, value);
      } else if (peer !== undefined && key === "endpoint") {
        if (peer.get(key) === value) this.touches.endpoints += 1;
        peer.set(key, value);
      } else if (key === "replace_allowed_ips") peer?.delete("allowed_ip");
      else if (key === "allowed_ip") {
        const held = peer?.get(key);
        peer?.set(key, [...(Array.isArray(held) ? held : []), value]);
      } else (peer ?? this.#device).set(key, value);
    }
  }
}
