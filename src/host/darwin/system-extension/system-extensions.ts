import { statSync } from "node:fs";
import { join } from "node:path";
import { AwgError } from "../../../model/error.ts";
import { type ReplacementWishes, replacementOf } from "../../../model/resources/extension-replacement.ts";
import { LAUNCHD } from "../../../model/resources/service.ts";
import type { BundledExtension, SystemExtensionObserved } from "../../../model/resources/system-extension.ts";
import { printableLine } from "../../../model/text/printable.ts";
import { permissionRemedy } from "../../../native/darwin/permission-remedy.ts";
import type { ExtensionOptions, ExtensionResult, SystemExtensionPort } from "../../ports/system-extension.ts";
import { commandAtScreen, userAtScreen } from "../at-screen.ts";
import type { RunCommand } from "../command.ts";
import { type HelperAnswer, type HelperRequest, helperError, parseHelperAnswer } from "./extension-helper.ts";
import { type ListedExtension, parseExtensionList, stateOfBundle } from "./extension-list.ts";

const LIST = "/usr/bin/systemextensionsctl";
const TRIES = 3;
const BETWEEN_TRIES_MS = 1000;

export interface SystemExtensionDeps {
  /** A user who can be asked started this process; a daemon has none. */
  readonly isAttended: boolean;
  readonly run: RunCommand;
  readonly sleep: (ms: number) => Promise<void>;
  /** Folder used instead of `/`, for tests. */
  readonly root?: string;
}

/**
 * System extensions by `systemextensionsctl list`, which any user may run. Only the app that contains one may request
 * it, so a helper inside the app does, as the user at the screen: never as root, because the file often belongs to a
 * user.
 */
export function darwinSystemExtensions(deps: SystemExtensionDeps): SystemExtensionPort {
  const extensions = new Extensions(deps);
  return {
    readSupport: async () => (extensions.hasHelper ? undefined : `${LAUNCHD.extensionHelper} is not installed`),
    read: (bundle) => extensions.read(bundle),
    activate: (bundle, options) => extensions.activate(bundle, options),
    deactivate: async (bundle) => {
      const versions = await extensions.list(bundle);
      if (versions.every(({ isUninstalling }) => isUninstalling)) return "completed";
      return extensions.ask({ request: "deactivate", bundle });
    },
  };
}

class Extensions {
  readonly #deps: SystemExtensionDeps;
  /** Requests that wait for the user or a reboot, by bundle: each is made once per process. */
  readonly #putOff = new Set<string>();
  /** The extension in the app, by bundle; valid while the app's helper is the same file. */
  readonly #carried = new Map<string, { readonly helper: string; readonly bundled: BundledExtension }>();

  constructor(deps: SystemExtensionDeps) {
    this.#deps = deps;
  }

  get hasHelper(): boolean {
    return this.#helperFile !== undefined;
  }

  async read(bundle: string): Promise<SystemExtensionObserved> {
    const listed = await this.list(bundle);
    const versions = listed.map(withoutNames);
    const isReplaceable = versions.some(({ isUninstalling }) => !isUninstalling);
    const bundled = isReplaceable ? await this.#carriedNow(bundle) : undefined;
    const state = stateOfBundle(versions);
    if (bundled === undefined) return { bundle, state, versions };
    const replacement = replacementOf(versions, bundle, bundled, this.#options(bundle));
    return { bundle, state, versions, ...(replacement === undefined ? {} : { replacement }) };
  }

  /** The list can be busy while macOS works on an extension: three tries, one second apart. */
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

  async activate(bundle: string, { forceUpdate }: ExtensionOptions = { forceUpdate: false }): Promise<ExtensionResult> {
    const versions = await this.list(bundle);
    const described = await this.#answer({ request: "describe", bundle });
    if (described?.event === "failed") throw helperError(bundle, described.code, described.message);
    const options = this.#options(bundle, forceUpdate);
    if (described?.event === "bundled" && replacementOf(versions, bundle, described, options) === null) {
      const existing = versions.filter(({ isUninstalling }) => !isUninstalling);
      return stateOfBundle(existing) === "awaiting-approval" ? "awaitingApproval" : "completed";
    }
    const result = await this.ask({ request: "activate", bundle });
    if (result !== "completed") this.#putOff.add(bundle);
    return result;
  }

  /** A request that macOS cancels is tried three times, one second apart. */
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

  #options(bundle: string, isForced = false): ReplacementWishes {
    const wasPutOff = this.#putOff.has(bundle);
    return { forceUpdate: isForced && !wasPutOff, inBackground: !this.#deps.isAttended || wasPutOff };
  }

  /** Undefined where the helper does not run or does not report this bundle: reading never fails for it. */
  async #carriedNow(bundle: string): Promise<BundledExtension | undefined> {
    const helper = this.#helperFile;
    if (helper === undefined || userAtScreen(this.#deps.root ?? "/") === undefined) return undefined;
    const known = this.#carried.get(bundle);
    if (known?.helper === helper) return known.bundled;
    const bundled = await this.#describe(bundle).catch(() => undefined);
    if (bundled !== undefined) this.#carried.set(bundle, { helper, bundled });
    return bundled;
  }

  async #describe(bundle: string): Promise<BundledExtension | undefined> {
    const answer = await this.#answer({ request: "describe", bundle });
    if (answer?.event !== "bundled" || answer.bundleIdentifier !== bundle) return undefined;
    const { bundleIdentifier, bundleVersion, bundleShortVersion } = answer;
    return { bundleIdentifier, bundleVersion, bundleShortVersion };
  }

  /** Identifies the helper's file, which an app update replaces; undefined without one. */
  get #helperFile(): string | undefined {
    const file = statSync(this.#at(LAUNCHD.extensionHelper), { throwIfNoEntry: false });
    return file === undefined ? undefined : [file.ino, file.size, file.mtimeMs, file.ctimeMs].join(" ");
  }

  async #answer(request: HelperRequest): Promise<HelperAnswer | undefined> {
    if (!this.hasHelper) {
      throw new AwgError("unsupported", `no installed app contains the system extension ${request.bundle}`, {
        remedy: `install the app; its helper is ${LAUNCHD.extensionHelper}`,
      });
    }
    const uid = userAtScreen(this.#deps.root ?? "/");
    if (uid === undefined) {
      throw new AwgError("unsupported", `no user is at the screen to approve ${request.bundle}`, {
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
