import { AwgError } from "../model/error.ts";
import type { Role } from "./role.ts";

/** What `POST /api/run` can be asked for: the verb that runs, who may ask, and the parameters. */
export interface Action {
  readonly role: Role;
  /** The verb, where it is not the action's own name. */
  readonly verb?: string;
  /** Words that every call has. */
  readonly words?: readonly string[];
  readonly parameters: Readonly<Record<string, Parameter>>;
  /** What it does, for the API's description. */
  readonly summary: string;
}

/** How a parameter becomes words of the command line. */
export interface Parameter {
  /** `argument`: the word itself. Else the option that it belongs to. */
  readonly as: "argument" | `--${string}`;
  /** An option without a value: `true` gives it. */
  readonly isFlag?: true;
  readonly required?: true;
  readonly pattern: RegExp;
  readonly summary: string;
}

const NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Paths of programs, addresses, host names, ports. Nothing that begins like an option. */
const WORD: RegExp = /^[A-Za-z0-9/[](?:(?!\s)\P{Cc}){0,255}$/u;
const NAME_OF_UNIT: RegExp = /^[A-Za-z0-9][A-Za-z0-9:_.@\\-]{0,254}$/;
const PATH: RegExp = /^\/\P{Cc}{1,1023}$/u;

const config: Parameter = {
  as: "--file",
  pattern: PATH,
  summary: "Absolute path of the config; that of awg api, or the installed one, when absent.",
};
const time: Parameter = {
  as: "--for",
  pattern: /^[0-9]{1,6}[smh]?$/,
  summary: "It ends after this time: 30s, 10m, 1h.",
};
const confirmWithin: Parameter = {
  as: "--confirm-within",
  pattern: /^[0-9]{1,6}(ms|s|m|h)?$/,
  summary: "Time such as 60s: it is reverted unless it is confirmed in time.",
};
const tunnel: Parameter = { as: "argument", pattern: NAME, summary: "Name of a tunnel; all when absent." };

/** Every action by its name; most have that of their verb. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  status: { role: "viewer", parameters: {}, summary: "The status of the host, read now." },
  drift: { role: "viewer", parameters: {}, summary: "Changes outside awg since the last apply." },
  history: { role: "viewer", parameters: {}, summary: "The accepted generations." },
  doctor: { role: "viewer", parameters: {}, summary: "Faults of the host and their remedies." },
  ps: { role: "viewer", parameters: {}, summary: "Programs with the rule for each." },
  explain: {
    role: "viewer",
    parameters: {
      program: { as: "--app", pattern: WORD, summary: "A program, by path or name." },
      destination: {
        as: "argument",
        required: true,
        pattern: WORD,
        summary: "Address or name, with a port or without.",
      },
      resolve: {
        as: "--resolve",
        isFlag: true,
        pattern: /^(true|false)$/,
        summary: "true queries the name servers for a name that /etc/hosts does not have.",
      },
    },
    summary: "The path of a flow, and the rule that chose it.",
  },
  service: { role: "viewer", words: ["status"], parameters: {}, summary: "The services of awg." },
  conflicts: { role: "viewer", parameters: {}, summary: "Running services of other VPN programs." },
  stopConflict: {
    role: "admin",
    verb: "conflicts",
    parameters: { name: { as: "--stop", required: true, pattern: NAME_OF_UNIT, summary: "Name of such a service." } },
    summary: "Stops a service that conflicts lists.",
  },
  autostart: {
    role: "admin",
    verb: "service",
    parameters: {
      command: { as: "argument", required: true, pattern: /^(enable|disable)$/, summary: "enable or disable." },
    },
    summary: "Starts the daemon at boot, or no longer.",
  },
  diff: { role: "admin", parameters: { config }, summary: "Differences between config and host." },
  plan: { role: "admin", parameters: { config }, summary: "The steps of an apply." },
  verify: { role: "admin", parameters: {}, summary: "Proof that the rules do as declared." },
  apply: {
    role: "admin",
    words: ["--auto-approve"],
    parameters: { config, confirmWithin },
    summary: "Brings the host to the config.",
  },
  rollback: {
    role: "admin",
    words: ["--auto-approve"],
    parameters: {
      confirmWithin,
      generation: {
        as: "argument",
        pattern: /^[0-9]{1,15}$/,
        summary: "Number of a generation; the last before when absent.",
      },
    },
    summary: "Goes back to an earlier generation.",
  },
  confirm: { role: "admin", parameters: {}, summary: "Keeps a change that is on trial." },
  revert: { role: "admin", parameters: {}, summary: "Undoes a change that is on trial." },
  pause: {
    role: "admin",
    words: ["--auto-approve"],
    parameters: { for: time, config },
    summary: "Lets traffic go direct for a time.",
  },
  up: { role: "admin", parameters: { tunnel, for: time, config }, summary: "Brings a tunnel up." },
  down: { role: "admin", parameters: { tunnel, for: time, config }, summary: "Takes a tunnel down." },
};

/** A request as it was sent. */
export interface RunRequest {
  readonly action: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/**
 * Reads the body of `POST /api/run`.
 *
 * @throws AwgError usage for anything but `{"action": …, "params": {…}}`
 */
export function parseRunRequest(body: unknown): RunRequest {
  const {
    action,
    params = {},
    ...rest
  } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const [strange] = Object.keys(rest);
  if (strange !== undefined) throw new AwgError("usage", `unknown key ${JSON.stringify(strange)}`);
  if (typeof action !== "string" || !Object.hasOwn(ACTIONS, action)) {
    throw new AwgError("usage", "there is no such action", { remedy: `one of ${Object.keys(ACTIONS).join(", ")}` });
  }
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    throw new AwgError("usage", "params is an object of names and values");
  }
  return { action, params: params as Record<string, unknown> };
}

/**
 * The words of the command line for a request, without the program. Every value is one word and begins like no option.
 *
 * @throws AwgError permission if the role may not ask for it, usage for parameters that the action does not have
 */
export function wordsOf({ action, params }: RunRequest, role: Role): readonly string[] {
  const known = ACTIONS[action];
  if (known === undefined) throw new AwgError("usage", "there is no such action");
  if (known.role === "admin" && role !== "admin") {
    throw new AwgError("permission", `only an admin may ask for ${action}`, {
      remedy: "use root, or a member of group awg",
    });
  }
  const strange = Object.keys(params).find((name) => !Object.hasOwn(known.parameters, name));
  if (strange !== undefined) {
    const names = Object.keys(known.parameters);
    throw new AwgError("usage", `${action} has no parameter ${JSON.stringify(strange)}`, {
      remedy: names.length === 0 ? "it takes none" : `it takes ${names.join(", ")}`,
    });
  }
  const words = Object.entries(known.parameters).flatMap(([name, parameter]) => {
    const value = params[name];
    if (value === undefined && parameter.required !== true) return [];
    if (typeof value !== "string" || !parameter.pattern.test(value)) {
      throw new AwgError("usage", `${action} needs a proper ${name}`, { remedy: parameter.summary });
    }
    if (parameter.isFlag === true) return value === "true" ? [parameter.as] : [];
    return parameter.as === "argument" ? [value] : [`${parameter.as}=${value}`];
  });
  return [known.verb ?? action, "--json", ...(known.words ?? []), ...words];
}

/** Whether the action reads a config that its request does not name. Pure. */
export function readsConfig({ action, params }: RunRequest): boolean {
  return ACTIONS[action]?.parameters["config"] !== undefined && params["config"] === undefined;
}

/** The words that name a config for an action that reads one, unless its request does. Pure. */
export function configWordsOf(request: RunRequest, files: readonly string[]): readonly string[] {
  return readsConfig(request) ? files.map((file) => `${config.as}=${file}`) : [];
}
