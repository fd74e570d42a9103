import { type ChildProcess, spawn } from "node:child_process";
import { inside } from "./stage.ts";

const settleMs = 300;

/** Listens to the kernel: each change of links, addresses, routes, rules or nftables in a namespace is one line. */
export class ChangeWatcher {
  private readonly processes: ChildProcess[];
  private readonly heard: string[] = [];

  constructor(namespace: string) {
    const topics = ["link", "address", "route", "rule"];
    this.processes = [
      spawn("ip", ["-n", namespace, "monitor", ...topics]),
      spawn("ip", inside(namespace, "nft", "monitor").slice(1)),
    ];
    for (const { stdout } of this.processes) {
      stdout?.setEncoding("utf8").on("data", (text: string) => this.heard.push(...text.split("\n").filter(Boolean)));
    }
  }

  /** Waits until the listeners listen: a change of our own on an idle device must come through. */
  async ready(prove: () => void): Promise<void> {
    for (let attempt = 0; attempt < 100 && this.heard.length < 2; attempt += 1) {
      prove();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    this.heard.length = 0;
  }

  /** The changes since `ready`. */
  async end(): Promise<readonly string[]> {
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    for (const child of this.processes) child.kill();
    return this.heard;
  }
}
