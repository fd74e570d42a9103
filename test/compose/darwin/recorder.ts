import type { Command, RunCommand } from "../../../src/host/darwin/command.ts";
import type { LibSystem } from "../../../src/native/darwin/libsystem.ts";
import { cutMessages } from "../../../src/native/darwin/route/message-frames.codec.ts";
import { decodeRouteMessage } from "../../../src/native/darwin/route/route-message.codec.ts";
import { constant, ioctlName, StructView, sizeOf } from "../../host/darwin/fake/abi.ts";

const TYPES = ["RTM_ADD", "RTM_DELETE", "RTM_CHANGE"] as const;
const FLAGS = "UP GATEWAY HOST REJECT STATIC BLACKHOLE PROTO3 IFSCOPE".split(" ");

/** Everything that awg changes of a Mac, as it passes the two borders. */
export class Recorder {
  readonly routeMessages: string[] = [];
  readonly requests: string[] = [];
  readonly commands: Command[] = [];

  /** The sequence of the first message: where a process begins to count is by chance. */
  #firstSequence: number | undefined;

  /** The process dies at this write, before it is done; nothing answers it any more. */
  dieAtWrite: number | undefined;

  /** How many writes there were. */
  get writes(): number {
    const changing = this.commands.filter(({ path, args, input = "" }) => changes(path, args, input));
    return this.routeMessages.length + this.requests.length + changing.length;
  }

  readonly system = (real: LibSystem): LibSystem => {
    const recorder = this;
    return new Proxy(real, {
      get(target, name) {
        const call = Reflect.get(target, name) as (...values: unknown[]) => unknown;
        return (...values: unknown[]) => {
          recorder.#live();
          recorder.#note(String(name), values);
          recorder.#live();
          return call.apply(target, values);
        };
      },
    });
  };

  readonly run = (real: RunCommand): RunCommand => {
    return async (command) => {
      this.#live();
      this.commands.push(command);
      this.#live();
      return real(command);
    };
  };

  /** What a process that has died does not reach any more. */
  mortal<T extends object>(thing: T): T {
    const recorder = this;
    return new Proxy(thing, {
      get(target, name) {
        recorder.#live();
        const value: unknown = Reflect.get(target, name);
        if (typeof value === "function") return value.bind(target);
        return typeof value === "object" && value !== null ? recorder.mortal(value) : value;
      },
    });
  }

  /** The message as that of a process which begins to count at 1. */
  #counted(bytes: Uint8Array): Uint8Array {
    const counted = Uint8Array.from(bytes);
    const view = new StructView("rt_msghdr", counted);
    const sequence = view.get("rtm_seq");
    this.#firstSequence ??= sequence;
    view.set("rtm_seq", 1 + sequence - this.#firstSequence);
    return counted;
  }

  #live(): void {
    if (this.dieAtWrite !== undefined && this.writes >= this.dieAtWrite) throw new Error("the process died");
  }

  #note(name: string, [, first, second]: readonly unknown[]): void {
    const isQuestion = first instanceof Uint8Array && first[3] === constant("RTM_GET");
    if (name === "write" && first instanceof Uint8Array && first.length >= sizeOf("rt_msghdr") && !isQuestion) {
      this.routeMessages.push(...cutMessages(first).map((frame) => messageText(this.#counted(frame.bytes))));
    }
    if (name === "ioctl" && typeof first === "number" && second instanceof Uint8Array) {
      const request = ioctlName(first) ?? String(first);
      const isReading = /^SIOCG|^DIOCGET|^CTLIOCG/.test(request);
      if (!isReading) this.requests.push(`${request} ${hex(second)}`);
    }
  }
}

function changes(path: string, args: readonly string[], input: string): boolean {
  if (path === "/sbin/pfctl") return args.includes("-f");
  if (path === "/usr/sbin/scutil") return /^(?:set|remove) /m.test(input);
  if (path === "/bin/launchctl") return !String(args[0]).startsWith("print");
  return path === "/usr/bin/dscacheutil" || path === "/usr/bin/killall";
}

/** A routing message in words, and its bytes 32 a line. */
function messageText(bytes: Uint8Array): string {
  const [frame] = cutMessages(bytes);
  const decoded = frame === undefined ? undefined : decodeRouteMessage(frame);
  if (decoded === undefined) return hex(bytes);
  const { flags, destination, prefixLength, gateway, sequence } = decoded;
  const type = TYPES.find((one) => constant(one) === decoded.type) ?? decoded.type;
  const names = FLAGS.filter((name) => (flags & constant(`RTF_${name}`)) !== 0);
  const to = gateway === undefined ? "" : gateway.kind === "link" ? ` link#${gateway.index}` : ` ${addressOf(gateway)}`;
  return `# ${type} ${destination}/${prefixLength}${to} <${names.join(",")}> seq ${sequence}\n${hex(bytes)}`;
}

function addressOf(gateway: object): string {
  return "address" in gateway ? String(gateway.address) : "?";
}

function hex(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("hex");
  return (text.match(/.{1,64}/g) ?? []).join("\n");
}
