import { existsSync } from "node:fs";
import { join } from "node:path";
import { AwgError } from "../../../model/error.ts";
import { LAUNCHD } from "../../../model/spec/service.ts";
import { printableLine } from "../../../model/text/printable.ts";
import { permissionRemedy } from "../../../native/darwin/permission-remedy.ts";
import type { ExtensionResult, SystemExtensionPort } from "../../ports/system-extension.ts";
import { commandAtScreen, userAtScreen } from "../at-screen.ts";
import type { RunCommand } from "../command.ts";
import { type HelperAnswer, type HelperRequest, helperError, parseHelperAnswer } from "./extension-helper.ts";
import { type ListedExtension, parseExtensionList, stateOfBundle } from "./extension-list.ts";
import { decideReplacement, type ReplacementWishes } from "./replacement.ts";

const LIST = "/usr/bin/systemextensionsctl";
const TRIES = 3;
const BETWEEN_TRIES_MS = 1000;

export interface SystemExtensionDeps extends ReplacementWishes {
  readonly run: RunCommand;
  readonly sleep: (ms: number) => Promise<void>;
  /** Folder that stands for `/`, for tests. */
  readonly root?: string;
}

/**
 * System extensions as `systemextensionsctl list` tells of them, which anybody may ask. Only the app that carries one may
 * request it, so a helper inside the app does, as who sits at the screen: never as root, whose file it often is not.
 */
export function darwinSystemExtensions(deps: SystemExtensionDeps): SystemExtensionPort {
  const extensions = new Extensions(deps);
  return {
    readSupport: async () => (extensions.hasHelper ? undefined : `${LAUNCHD.extensionHelper} is not installed`),
    read: async (bundle) => {
      const versions = await extensions.list(bundle);
      return { bundle, state: stateOfBundle(versions), versions: versions.map(withoutNames) };
    },
    activate: (bundle) => extensions.activate(bundle),
    deactivate: async (bundle) => {
      const versions = await extensions.list(bundle);
      if (versions.every(({ isUninstalling }) => isUninstalling)) return "completed";
      return extensions.ask({ request: "deactivate", bundle });
    },
  };
}

class Extensions {
  readonly #deps: SystemExtensionDeps;

  constructor(deps: SystemExtensionDeps) {
    this.#deps = deps;
  }

  get hasHelper(): boolean {
    return existsSync(this.#at(LAUNCHD.extensionHelper));
  }

  /** The list is busy now and then while macOS works on an extension: three tries, one second apart. */
  async list(bundle: string): Promise<readonly ListedExtension[]> {
    for (let attempt = 1; ; attempt++) {
      const { status, stdout, stderr } = await this.#deps.run({ path: LIST, args: ["list"] });
      if (status === 0) return parseExtensionList(stdout).filter(({ bundleIdentifier }) => bundleIdentifier === bundle);
      if (attempt === TRIES) {
        throw new AwgError(
          "host",
          `systemextensionsctl list failed with ${status}: ${stderr.trim().split("\n").at(-1)}`,
        );
      }
      await this.#deps.sleep(BETWEEN_TRIES_MS);
    }
  }

  async activate(bundle: string): Promise<ExtensionResult> {
    const standing = (await this.list(bundle)).filter(({ isUninstalling }) => !isUninstalling);
    const described = await this.#answer({ request: "describe", bundle });
    if (described?.event === "failed") throw helperError(bundle, described.code, described.message);
    const isKept =
      described?.event === "bundled" &&
      standing.some((existing) => decideReplacement(existing, described, this.#deps) === "cancel");
    if (isKept) return stateOfBundle(standing) === "awaiting-approval" ? "awaitingApproval" : "completed";
    return this.ask({ request: "activate", bundle });
  }

  /** A request that macOS cancelled is made three times, one second apart. */
  async ask(request: HelperRequest): Promise<ExtensionResult> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#answer(request);
      if (answer?.event === "needsUserApproval") return "awaitingApproval";
      if (answer?.event === "completed" || answer?.event === "willCompleteAfterReboot") return answer.event;
      const [code, message] = answer?.event === "failed" ? [answer.code, answer.message] : (["unknown", ""] as const);
      if (code !== "requestCanceled" || attempt === TRIES) throw helperError(request.bundle, code, message);
      await this.#deps.sleep(BETWEEN_TRIES_MS);
    }
  }

  async #answer(request: HelperRequest): Promise<HelperAnswer | undefined> {
    if (!this.hasHelper) {
      throw new AwgError("unsupported", `no app here carries the system extension ${request.bundle}`, {
        remedy: `install the app; its helper is ${LAUNCHD.extensionHelper}`,
      });
    }
    const uid = userAtScreen(this.#deps.root ?? "/");
    if (uid === undefined) {
      throw new AwgError("unsupported", `nobody sits at the screen whom macOS could ask about ${request.bundle}`, {
        remedy: "log in at the screen, then apply again",
      });
    }
    const command = commandAtScreen(uid, this.#at(LAUNCHD.extensionHelper), []);
    const { status, stdout, stderr } = await this.#deps.run({ ...command, input: `${JSON.stringify(request)}\n` });
    const answer = parseHelperAnswer(stdout);
    if (answer !== undefined || status === 0 || !/not permitted|password is required/.test(stderr)) return answer;
    throw new AwgError("permission", `the app's helper for ${request.bundle} could not be started: ${said(stderr)}`, {
      remedy: permissionRemedy(),
    });
  }

  #at(path: string): string {
    return join(this.#deps.root ?? "/", path);
  }
}

function said(stderr: string): string {
  return printableLine(stderr.trim().split("\n").at(-1) ?? "");
}

function withoutNames({ bundleIdentifier: _bundle, teamIdentifier: _team, ...version }: ListedExtension) {
  return version;
}
