import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { makeNamespace, type TestNamespace } from "../support/netns.ts";

/** A process in a namespace that holds one end of a tunnel (scripts/end.script.ts). */
export interface End extends Disposable {
  readonly namespace: TestNamespace;
  readonly process: ChildProcess;
  tell(command: string, argument?: unknown): Promise<unknown>;
}

export interface Lab extends Disposable {
  readonly a: End;
  readonly b: End;
}

/**
 * Two namespaces joined by a cable: 192.0.2.1 and 2001:db8::1 at a's end, .2 and ::2 at b's.
 *
 * @param environment what a's process is given beside this one's
 */
export function makeLab(label: string, environment: NodeJS.ProcessEnv = {}): Lab {
  const stack = new DisposableStack();
  try {
    const near = stack.use(makeNamespace(`${label}-a`));
    const far = stack.use(makeNamespace(`${label}-b`));
    near.run(["ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", far.name]);
    for (const [namespace, last] of [
      [near, 1],
      [far, 2],
    ] as const) {
      namespace.run(["ip", "address", "add", `192.0.2.${last}/24`, "dev", "cable"]);
      namespace.run(["ip", "-6", "address", "add", `2001:db8::${last}/64`, "dev", "cable", "nodad"]);
      namespace.run(["ip", "link", "set", "cable", "up"]);
    }
    const a = stack.use(startEnd(near, environment));
    const b = stack.use(startEnd(far, {}));
    const owned = stack.move();
    return { a, b, [Symbol.dispose]: () => owned[Symbol.dispose]() };
  } catch (error) {
    stack[Symbol.dispose]();
    throw error;
  }
}

const SCRIPT = fileURLToPath(new URL("scripts/end.script.ts", import.meta.url));

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

function startEnd(namespace: TestNamespace, environment: NodeJS.ProcessEnv): End {
  const child = spawn("ip", ["netns", "exec", namespace.name, process.execPath, SCRIPT], {
    env: { ...process.env, ...environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const waiting = new Map<number, Waiting>();
  let complaints = "";
  child.stderr.on("data", (text) => {
    complaints += text;
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id, value, error } = JSON.parse(line);
    if (error === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(new Error(error));
    waiting.delete(id);
  });
  child.on("exit", (code) => {
    for (const one of waiting.values()) one.reject(new Error(`the end stopped (${code}): ${complaints}`));
  });
  let last = 0;
  return {
    namespace,
    process: child,
    tell: (command, argument) =>
      new Promise((resolve, reject) => {
        last += 1;
        waiting.set(last, { resolve, reject });
        child.stdin.write(`${JSON.stringify({ id: last, command, argument })}\n`);
      }),
    [Symbol.dispose]: () => {
      child.kill("SIGKILL");
    },
  };
}
