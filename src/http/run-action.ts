import { spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";
import { configWordsOf, type RunRequest, readsConfig, wordsOf } from "../api/actions.ts";
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
  /** Absolute paths of the config that a child reads unless its request names one; asked for such a request. */
  readonly configFiles: () => Promise<readonly string[]>;
}

/** Runs verbs of awg as children: a long one delays no other client, and one that fails ends none. */
export class ActionRunner {
  readonly #program: Program;
  /** Shared by the runners of all clients. */
  readonly #load: { running: number };
  readonly #caller: string | undefined;

  constructor(program: Program, load = { running: 0 }, caller?: string) {
    this.#program = program;
    this.#load = load;
    this.#caller = caller;
  }

  /** The same for one client; the audit log names it. */
  forClient(uid: number, role: Role): ActionRunner {
    return new ActionRunner(this.#program, this.#load, `${uid} ${role}`);
  }

  /**
   * Runs a request and waits for its end.
   *
   * @param signal ends the child as Ctrl-C would, when the client leaves
   * @throws AwgError as `wordsOf`
   */
  async run(request: RunRequest, role: Role, signal: AbortSignal): Promise<RunAnswer> {
    const output: Buffer[] = [];
    const ended = await this.#runVerb(request, wordsOf(request, role), signal, (chunk) => output.push(chunk));
    return typeof ended === "number" ? answerOf(ended, Buffer.concat(output).toString("utf8")) : ended;
  }

  /**
   * Runs a request with `--json-stream` and passes on each line as it comes; the answer has the last one.
   *
   * @throws AwgError as `wordsOf`
   */
  async stream(
    request: RunRequest,
    role: Role,
    signal: AbortSignal,
    onLine: (line: Readonly<Record<string, unknown>>) => void,
  ): Promise<RunAnswer> {
    const words = wordsOf(request, role).map((word) => (word === "--json" ? "--json-stream" : word));
    const lines = new JsonLines(onLine);
    const ended = await this.#runVerb(request, words, signal, (chunk) => lines.take(chunk));
    return typeof ended === "number" ? answerOf(ended, JSON.stringify(lines.last ?? null)) : ended;
  }

  /** The exit code of the verb, or why it was not begun. */
  async #runVerb(
    request: RunRequest,
    verbWords: readonly string[],
    signal: AbortSignal,
    onOutput: (chunk: Buffer) => void,
  ): Promise<number | RunAnswer> {
    if (this.#load.running >= LIMITS.atOnce) return { code: 10, message: "too many requests run at once; try again" };
    this.#load.running += 1;
    try {
      const files = readsConfig(request) ? await this.#program.configFiles() : [];
      return await this.#start([...verbWords, ...configWordsOf(request, files)], signal, onOutput);
    } finally {
      this.#load.running -= 1;
    }
  }

  async #start(words: readonly string[], signal: AbortSignal, onOutput: (chunk: Buffer) => void): Promise<number> {
    const [program = "", ...first] = this.#program.program;
    const child = spawn(program, [...first, ...words, ...this.#program.hostWords], {
      cwd: "/",
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        NO_COLOR: "1",
        ...(this.#caller === undefined ? {} : { AWG_CALLER: this.#caller }),
      },
    });
    const end = (): void => {
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
    };
    const limit = setTimeout(end, LIMITS.ms);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    let bytes = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LIMITS.outputBytes) end();
      else onOutput(chunk);
    });
    child.stderr.resume();
    const code = await new Promise<number>((resolve) => {
      child.once("error", () => resolve(70));
      child.once("close", (status, killed) => resolve(status ?? (killed === null ? 70 : 143)));
    });
    clearTimeout(limit);
    signal.removeEventListener("abort", end);
    return code;
  }
}

/** Lines of JSON out of chunks; what is not JSON is dropped. */
class JsonLines {
  readonly #onLine: (line: Readonly<Record<string, unknown>>) => void;
  #rest = "";
  readonly #decoder = new StringDecoder("utf8");
  last: Readonly<Record<string, unknown>> | undefined;

  constructor(onLine: (line: Readonly<Record<string, unknown>>) => void) {
    this.#onLine = onLine;
  }

  take(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const document = readJson(line);
      if (typeof document !== "object" || document === null) continue;
      this.last = document as Readonly<Record<string, unknown>>;
      this.#onLine(this.last);
    }
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
