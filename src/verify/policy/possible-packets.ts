import { LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import { all, deviceIn, type Formula, NO_USER, nextHopIs, not, numberIs, trackedAs } from "../space/packet-fields.ts";

/** The hooks with verdicts. */
export type Hook = "output" | "input" | "forward";
export const HOOKS: readonly Hook[] = ["output", "input", "forward"];

const noUser = numberIs("user", NO_USER);
const noDevice = { in: deviceIn("in", [""]), out: deviceIn("out", [""]) };
const someDevice = { in: not(noDevice.in), out: not(noDevice.out) };
const notLoopback = { in: not(deviceIn("in", [LOOPBACK_DEVICE])), out: not(deviceIn("out", [LOOPBACK_DEVICE])) };

/** The possible packets at each hook, and the possible raw frames at a device's egress. */
export const POSSIBLE: Readonly<Record<Hook | "frame", Formula>> = {
  output: all(noDevice.in, someDevice.out),
  input: all(someDevice.in, noDevice.out, noUser),
  forward: all(someDevice.in, notLoopback.in, someDevice.out, notLoopback.out, noUser),
  // A frame has no route, so no rule can match that its next hop is its destination.
  frame: all(noDevice.in, someDevice.out, notLoopback.out, trackedAs("untracked"), nextHopIs("router")),
};
