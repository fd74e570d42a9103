import { spawn } from "node:child_process";
import { configWordsOf, type RunRequest, wordsOf } from "../api/actions.ts";
import type { Role } from "../api/role.ts";

const LIMITS = { ms: 300_000, outputBytes: 16 * 1024 * 1024, atOnce: 8 } as const;
/** How long a child has to undo its work after SIGTERM. */
const GRACE_MS = 30_000;

/** The answer of `POST /api/run`: the exit code of the verb, its JSON document, or why it failed. */
export interface RunAnswer {
  readonly code: number;
  readonly message?: string;
  readonly data?: unknown;
}

/** What every child runs, and on what. */
interface Program {
  /** awg itself: the program and its first words. */
  readonly program: readonly string[];
  /** Words that name the host. */
  readonly hostWords: readonly string[];
  /** Absolute paths of the config that a child reads unless its request names one. */
  readonly configFiles: readonly string[];
}

/** Runs verbs of awg as children: a long one delays no other client, and one that fails ends none. */
export class ActionRunner {
  readonly #program: Program;
  #running = 0;

  constructor(program: Program) {
    this.#program = program;
  }

  /**
   * Runs a request and waits for its end.
   *
   * @param signal ends the child as Ctrl-C would, when the client leaves
   * @throws AwgError as `wordsOf`
   */
  async run(request: RunRequest, role: Role, signal: AbortSignal): Promise<RunAnswer> {
    const words = [...wordsOf(request, role), ...configWordsOf(request, this.#program.configFiles)];
    if (this.#running >= LIMITS.atOnce) return { code: 10, message: "too many requests run at once; try again" };
    this.#running += 1;
    try {
      return await this.#start(words, signal);
    } finally {
      this.#running -= 1;
    }
  }

  async #start(words: readonly string[], signal: AbortSignal): Promise<RunAnswer> {
    const [program = "", ...first] = this.#program.program;
    const child = spawn(program, [...first, ...words, ...this.#program.hostWords], {
      cwd: "/",
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", NO_COLOR: "1" },
    });
    const end = (): void => {
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
    };
    const limit = setTimeout(end, LIMITS.ms);
    signal.addEventListener("abort", end, { once: true });
    const output: Buffer[] = [];
    let bytes = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LIMITS.outputBytes) end();
      else output.push(chunk);
    });
    child.stderr.resume();
    const code = await new Promise<number>((resolve) => {
      child.once("error", () => resolve(70));
      child.once("close", (status, killed) => resolve(status ?? (killed === null ? 70 : 143)));
    });
    clearTimeout(limit);
    signal.removeEventListener("abort", end);
    return answerOf(code, Buffer.concat(output).toString("utf8"));
  }
}

/** A verb prints one document, or an error document if it failed. */
function answerOf(code: number, output: string): RunAnswer {
  const document = readJson(output);
  const error = (document as { error?: { message?: unknown } } | undefined)?.error;
  if (typeof error?.message === "string") return { code, message: error.message, data: document };
  return document === undefined ? { code, message: `the verb ended with ${code}` } : { code, data: document };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
