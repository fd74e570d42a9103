import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Tethered } from "../world/tethered.ts";
import type { Role, World } from "../world/world.ts";
import { parsePcap, type WireFrame } from "./pcap.ts";

/** What arrives at some devices of a role, as a pcap file in the world's folder. */
export class Capture {
  private readonly path: string;
  private readonly process: Tethered;

  /** @param roomBytes how many bytes of frames may wait to be read; 64 MiB where absent */
  constructor(world: World, role: Role, devices: readonly string[], name: string, roomBytes?: number) {
    this.path = join(world.folder, `${name}.pcap`);
    const room = roomBytes === undefined ? [] : [String(roomBytes)];
    this.process = new Tethered("capture.py", [world.namespace(role), devices.join(","), this.path, ...room]);
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Returns when it listens. */
  async ready(): Promise<void> {
    await this.process.line("the capture", (line) => line === "ready");
  }

  /** What it has seen so far. */
  frames(): WireFrame[] {
    return parsePcap(readFileSync(this.path));
  }

  /** Ends it; gives what is wrong with it, or undefined where it has every frame. */
  async end(): Promise<string | undefined> {
    await this.process.end();
    const last = this.process.lines.at(-1) ?? "";
    const { dropped } = last.startsWith("{") ? (JSON.parse(last) as { dropped: number }) : { dropped: -1 };
    return dropped === 0 ? undefined : `the capture dropped ${dropped} frames: ${this.process.stderr}`;
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}
