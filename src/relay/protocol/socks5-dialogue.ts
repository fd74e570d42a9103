import { type Credentials, type Dialogue, joinBytes, type Step, type Target } from "./dialogue.ts";
import { decodeChoice, decodeReply, encodeGreeting, encodeLogin, encodeRequest, SOCKS } from "./socks5.codec.ts";

/** By reply code (RFC 1928, section 6). */
const REFUSALS: readonly string[] = [
  "general failure",
  "connection not allowed by its rules",
  "network unreachable",
  "host unreachable",
  "connection refused",
  "TTL expired",
  "command not supported",
  "address type not supported",
];
const COMMAND_NOT_SUPPORTED = 7;
/** The longest answer: 4 bytes, a name of 255 bytes with its length, and a port. */
const MOST_ANSWER_BYTES = 262;
const NOTHING = new Uint8Array();
const NOT_SOCKS = "the server does not speak SOCKS5";

export interface Socks5Options {
  /** `login`: the dialogue is over when the proxy accepts the name and password. */
  readonly command: "connect" | "udpAssociate" | "login";
  readonly target: Target;
  readonly credentials?: Credentials;
}

/**
 * A SOCKS5 client (RFC 1928) with name and password (RFC 1929), up to the reply to its command. Bytes of a connection
 * that follow the reply are returned.
 */
export class Socks5Dialogue implements Dialogue {
  readonly hello: Uint8Array;
  readonly #credentials: Credentials | undefined;
  /** Sent after the login; undefined for a dialogue that ends there. */
  readonly #request: Uint8Array | undefined;
  #awaited: "method" | "login" | "reply" = "method";
  #pending: Uint8Array = NOTHING;

  constructor({ command, target, credentials }: Socks5Options) {
    this.hello = encodeGreeting(credentials);
    this.#credentials = credentials;
    this.#request = command === "login" ? undefined : encodeRequest(SOCKS[command], target);
  }

  receive(bytes: Uint8Array): Step {
    this.#pending = joinBytes(this.#pending, bytes);
    return this.#awaited === "reply" ? this.#onReply() : this.#onChoice();
  }

  /** The two answers before the reply have one form. */
  #onChoice(): Step {
    const received = decodeChoice(this.#pending);
    if (received === undefined) return { kind: "wait" };
    // Nothing may follow before this side has sent its next message.
    if (this.#pending.length > received.length) return failed(NOT_SOCKS);
    this.#pending = NOTHING;
    const { version, choice } = received.value;
    if (this.#awaited === "method") return version === SOCKS.version ? this.#onMethod(choice) : failed(NOT_SOCKS);
    return choice === 0 ? this.#onLogin() : refusedLogin(this.#credentials);
  }

  #onMethod(choice: number): Step {
    const credentials = this.#credentials;
    if (choice === SOCKS.noAuthentication) return this.#onLogin();
    if (choice !== SOCKS.usernamePassword || credentials === undefined) return refusedLogin(credentials);
    const login = encodeLogin(credentials);
    if (login === undefined) return failed("the name or password is empty or longer than 255 bytes");
    this.#awaited = "login";
    return { kind: "send", bytes: login };
  }

  #onLogin(): Step {
    if (this.#request === undefined) return { kind: "done", rest: NOTHING };
    this.#awaited = "reply";
    return { kind: "send", bytes: this.#request };
  }

  #onReply(): Step {
    const received = decodeReply(this.#pending);
    if (received === undefined) return this.#pending.length > MOST_ANSWER_BYTES ? failed(NOT_SOCKS) : { kind: "wait" };
    const { version, code, bound } = received.value;
    if (version !== SOCKS.version) return failed(NOT_SOCKS);
    if (code !== 0) return refusal(code);
    return { kind: "done", rest: this.#pending.slice(received.length), ...(bound === undefined ? {} : { bound }) };
  }
}

function failed(reason: string): Step {
  return { kind: "failed", reason };
}

function refusedLogin(credentials: Credentials | undefined): Step {
  const reason =
    credentials === undefined ? "the proxy wants a name and password" : "the proxy refused the name and password";
  return { kind: "failed", reason, refused: "credentials" };
}

function refusal(code: number): Step {
  const words = REFUSALS[code - 1] ?? `reply code ${code}`;
  const refused = code === COMMAND_NOT_SUPPORTED ? "command" : "destination";
  return { kind: "failed", reason: `the proxy refused: ${words}`, refused };
}
