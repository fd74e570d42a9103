import { ipFromBytes, renderIp } from "../../../../src/model/ip.ts";
import { constant, ioctlName, ioctlSize, StructView, sizeOf } from "./abi.ts";
import { UnfaithfulCall } from "./accepted.ts";
import { type Descriptor, type Failure, fail, type Kernel } from "./descriptor.ts";
import type { FakePfState } from "./programs/fake-pf.ts";

const PF_OP_EQ = 2;

/** An open /dev/pf. DIOCSTOP and everything that is everybody's is unknown here (darwin-notes 6). */
export class PfDevice implements Descriptor {
  readonly kind = "/dev/pf";
  nonblocking = false;
  closeOnExec = false;
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  ioctl(request: number, argument: Uint8Array): number | Failure {
    const call = this.#check(request, argument);
    const { pf } = this.#kernel.machine;
    switch (call) {
      case "ioctl DIOCGETSTATUS": {
        const view = new StructView("pf_status", argument);
        view.set("running", pf.enabled ? 1 : 0);
        view.set("states", pf.states.length);
        return 0;
      }
      case "ioctl DIOCSTARTREF": {
        const { pid } = this.#kernel.caller;
        new DataView(argument.buffer, argument.byteOffset).setBigUint64(0, pf.start(pid, "awg"), true);
        return 0;
      }
      case "ioctl DIOCSTOPREF":
        return this.#stop(argument);
      case "ioctl DIOCKILLSTATES":
        return this.#kill(argument);
      default:
        return this.#onRules(call, argument);
    }
  }

  ioctlPointing(request: number, argument: Uint8Array, pointed: Uint8Array): number | Failure {
    const call = this.#check(request, argument);
    if (call !== "ioctl DIOCGETSTARTERS") throw new UnfaithfulCall(call, "holds no pointer");
    const view = new StructView("pfioc_tokens", argument);
    const size = sizeOf("pfioc_token");
    if (view.get("size") !== pointed.length || pointed.length % size !== 0) {
      throw new UnfaithfulCall(call, `size ${view.get("size")}, a buffer of ${pointed.length}`);
    }
    const room = pointed.length / size;
    // pfioctl_ioc_tokens of bsd/net/pf_ioctl.c: without a single token there is no list.
    if (this.#kernel.machine.pf.tokens.length === 0) return fail("ENOENT");
    const tokens = this.#kernel.machine.pf.tokens.slice(0, room);
    for (const [index, { token, pid, program }] of tokens.entries()) {
      const row = new StructView("pfioc_token", pointed, index * size);
      row.set("token_value", token);
      row.set("pid", pid);
      row.setText("proc_name", program);
    }
    view.set("size", tokens.length * size);
    return 0;
  }

  close(): void {
    // Tokens are not tied to the descriptor: they stay (darwin-notes 6).
  }

  #check(request: number, argument: Uint8Array): string {
    const name = ioctlName(request);
    if (name === undefined) throw new UnfaithfulCall("ioctl /dev/pf", `request ${request}`);
    const call = `ioctl ${name}`;
    this.#kernel.log.take(call);
    if (argument.length !== ioctlSize(request)) throw new UnfaithfulCall(call, `${argument.length} bytes`);
    return call;
  }

  #stop(argument: Uint8Array): number | Failure {
    const view = new StructView("pfioc_remove_token", argument);
    const { pf } = this.#kernel.machine;
    if (!pf.enabled) return fail("ENOENT");
    const left = pf.stop(view.getBig("token_value"));
    if (left === undefined) throw new UnfaithfulCall("ioctl DIOCSTOPREF", "a token that nobody holds, or no longer");
    view.set("refcount", left);
    return 0;
  }

  #kill(argument: Uint8Array): number | Failure {
    const { pf } = this.#kernel.machine;
    const view = new StructView("pfioc_state_kill", argument);
    const family = view.get("psk_af");
    const isV4 = family === constant("AF_INET");
    if (!isV4 && family !== constant("AF_INET6")) throw new UnfaithfulCall("ioctl DIOCKILLSTATES", `family ${family}`);
    const protocol = view.get("psk_proto");
    const ends = ["psk_src", "psk_dst"].map((name) => endOf(view.bytes(name), isV4 ? 4 : 16));
    if (protocol === 0 && ends.every((end) => end.address === undefined)) {
      throw new UnfaithfulCall("ioctl DIOCKILLSTATES", "every state of everybody");
    }
    const device = view.text("psk_ifname");
    const hits = (state: FakePfState) =>
      (device === "" || device === state.interface) &&
      (protocol === 0 || protocol === (state.protocol === "tcp" ? 6 : 17)) &&
      endMatches(state.from, ends[0]) &&
      endMatches(state.to, ends[1]);
    const killed = pf.states.filter(hits);
    pf.states = pf.states.filter((state) => !hits(state));
    view.set("psk_af", killed.length % 256);
    return 0;
  }

  #countInside(path: string, view: StructView): number | Failure {
    const { pf } = this.#kernel.machine;
    const rules = pf.anchors.get(path)?.rules;
    if (rules === undefined) return fail("EINVAL");
    view.set("ticket", pf.loads);
    view.set("nr", rules.length);
    return 0;
  }

  #onRules(call: string, argument: Uint8Array): number | Failure {
    const { pf } = this.#kernel.machine;
    const view = new StructView("pfioc_rule", argument);
    const inside = view.text("anchor");
    if (call === "ioctl DIOCGETRULES" && inside !== "") return this.#countInside(inside, view);
    if (inside !== "") throw new UnfaithfulCall(call, "inside an anchor");
    if (call === "ioctl DIOCGETRULES") {
      view.set("ticket", pf.generation);
      view.set("nr", pf.main.length);
      return 0;
    }
    if (call === "ioctl DIOCGETRULE") {
      if (view.get("ticket") !== pf.generation) return fail("EBUSY");
      const found = pf.main[view.get("nr")];
      if (found === undefined) return fail("EBUSY");
      view.setText("anchor_call", found.rule.anchor ?? "");
      view.set("rule.ticket", found.ticket);
      return 0;
    }
    if (call === "ioctl DIOCDELETERULE") {
      const isGone = !pf.delete(view.getBig("rule.ticket"));
      return isGone ? fail("ENOENT") : 0;
    }
    if (call !== "ioctl DIOCINSERTRULE") throw new UnfaithfulCall(call, "not one the double has");
    const anchor = view.text("anchor_call");
    if (anchor === "") throw new UnfaithfulCall(call, "no anchor to call");
    if (pf.main.some(({ rule }) => rule.anchor === anchor)) return fail("EEXIST");
    const rule = { line: 0, action: "anchor", anchor, quick: false, from: {}, to: {}, options: {} } as const;
    view.set("rule.ticket", pf.insert(rule));
    return 0;
  }
}

interface StateEnd {
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** One end of DIOCKILLSTATES: an address with a full mask, or none; a port with PF_OP_EQ, or none. */
function endOf(bytes: Uint8Array, length: number): StateEnd {
  const view = new StructView("pf_rule_addr", bytes);
  const value = view.bytes("addr.v.a");
  const mask = value.subarray(16, 16 + length);
  const isAny = mask.every((byte) => byte === 0);
  if (!isAny && mask.some((byte) => byte !== 0xff)) throw new UnfaithfulCall("ioctl DIOCKILLSTATES", "a partial mask");
  const address = isAny ? undefined : ipFromBytes(value.subarray(0, length));
  const ports = new DataView(bytes.buffer, bytes.byteOffset + 48);
  const hasPort = view.get("xport.range.op") !== 0;
  if (hasPort && view.get("xport.range.op") !== PF_OP_EQ)
    throw new UnfaithfulCall("ioctl DIOCKILLSTATES", "port operator");
  return {
    address: address === undefined ? undefined : renderIp(address),
    port: hasPort ? ports.getUint16(0, false) : undefined,
  };
}

function endMatches(text: string, end: StateEnd | undefined): boolean {
  const [bare, port] = splitEnd(text);
  return (
    end === undefined ||
    ((end.address === undefined || end.address === bare) && (end.port === undefined || end.port === port))
  );
}

/** `192.0.2.1:443`, or `2001:db8::1[443]` as pfctl prints IPv6. */
function splitEnd(text: string): readonly [string, number | undefined] {
  const found = /^(.*)\[(\d+)\]$/.exec(text) ?? /^([\d.]+):(\d+)$/.exec(text);
  return found === null ? [text, undefined] : [found[1] ?? "", Number(found[2])];
}
