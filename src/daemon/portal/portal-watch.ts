import { placedPage, type Refusal, unresolvedPage } from "../../app/portal/login-page.ts";
import { tunnelState } from "../../app/status/tunnel-state.ts";
import { tunnelStatus } from "../../app/status/tunnel-status.ts";
import type { LoginNetwork, PortalPort } from "../../host/ports/portal.ts";
import { sameData } from "../../model/canonical.ts";
import type { OpenPortal, PORTAL_STATES, PortalPolicy } from "../../model/portal/portal.ts";
import { placeOf } from "../../model/portal/portal-answer.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { backoffMs } from "../../reconciler/machine/backoff.ts";
import { Attempts } from "../attempts.ts";
import { readSourceFiles } from "../proposals.ts";
import type { UseCases } from "../use-cases.ts";
import { DueChange, type PortalChange } from "./due-change.ts";

/** A network that came up has its address and route by then. */
const SETTLE_MS = 1_000;
/** While the page is open: how soon the end of the login is noticed. */
const OPEN_EVERY_MS = 2_000;
/** While the page is known and closed. */
const CLOSED_EVERY_MS = 10_000;

const NOT_ALLOWED: Refusal = { refusal: "captivePortal.allow is false", isFinal: true };

/** What became of a login page. */
export type PortalReport =
  | {
      readonly type: "portal";
      readonly state: (typeof PORTAL_STATES)[number];
      readonly url: string;
      /** Why it is not open. */
      readonly detail?: string;
    }
  | { readonly type: "problem"; readonly text: string };

type Used = Pick<
  UseCases,
  "acceptedState" | "apply" | "engine" | "probe" | "load" | "portal" | "planOpenPortal" | "planEndOfPortal"
>;

export interface PortalDeps {
  /** The config files, absolute. */
  readonly files: readonly string[];
  readonly report: (report: PortalReport) => void;
  readonly setTimer: (ms: number, onDue: () => void) => Disposable;
  /** In [0, 1). */
  readonly random: () => number;
  /** A change is due (`due`). */
  readonly wake: (reason: string) => void;
}

/** A page as it was reported. */
interface KnownPage {
  readonly url: string;
  /** The router and the page's host. */
  readonly key: string;
}

/**
 * Finds out whether a network wants a login, and opens its login page as the config allows. It asks when a network came up,
 * and while a tunnel gets no answer; a host at rest sends nothing.
 */
export class PortalWatch implements AsyncDisposable {
  readonly #useCases: Used;
  readonly #deps: PortalDeps;
  readonly #attempts: Attempts;
  readonly #change: DueChange;
  #timer: Disposable | undefined;
  #looking: Promise<void> = Promise.resolve();
  #ended = false;
  /** A network came up since the last answer. */
  #isAsked = true;
  #failures = 0;
  #policy: PortalPolicy | undefined;
  #page: KnownPage | undefined;
  #isOpen = false;
  /** The page that stays closed on this network: its time was over, or it may not be opened. */
  #closed: string | undefined;

  constructor(useCases: Used, deps: PortalDeps) {
    this.#useCases = useCases;
    this.#deps = deps;
    this.#attempts = new Attempts("looking for a login page", deps.report);
    this.#change = new DueChange(useCases, () => deps.wake("login page"));
    if (useCases.portal !== undefined) this.#later(SETTLE_MS);
  }

  /** The change that the loop is to carry out now. */
  due(): Promise<PortalChange | undefined> {
    return this.#change.take();
  }

  /** Addresses or routes changed. */
  noteNetwork(): void {
    this.#isAsked = true;
    this.#failures = 0;
    this.#later(SETTLE_MS);
  }

  /** A person asks for another try. */
  askAgain(): void {
    this.#closed = undefined;
    this.noteNetwork();
  }

  /** The loop looked at the host. */
  noteLook(): void {
    if (this.#timer === undefined) this.#later(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    this.#change[Symbol.dispose]();
    await this.#looking;
  }

  #end(): Promise<void> {
    return this.#change.carryOut(() => this.#useCases.planEndOfPortal());
  }

  #later(ms: number): void {
    if (this.#ended || this.#useCases.portal === undefined) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#deps.setTimer(ms, () => {
      this.#timer = undefined;
      this.#looking = this.#looking.then(() => this.#attempts.run(() => this.#look()));
    });
  }

  async #look(): Promise<void> {
    const { portal } = this.#useCases;
    const desired = await this.#useCases.acceptedState();
    const { portal: policy, override } = desired;
    this.#noteEnd(override?.what === "portal");
    // What a person asked for a time comes first.
    const isOverridden = override !== undefined && !this.#isOpen;
    if (policy === undefined || portal === undefined || isOverridden) return;
    if (!sameData(policy, this.#policy ?? null)) this.#closed = undefined;
    this.#policy = policy;
    const isIdle = !this.#isAsked && this.#page === undefined && !(await this.#isUnanswered(desired));
    if (isIdle) return;
    const network = await portal.readNetwork();
    await this.#leave(network);
    if (network === undefined) return;
    // If opening it fails, as while another awg is at work, it is tried again.
    this.#later(CLOSED_EVERY_MS);
    const answer = await portal.probe(policy.probe, network.device);
    if (answer === undefined) return this.#again();
    this.#isAsked = false;
    if (answer.kind === "free") return this.#pass(desired);
    await this.#find(answer.url, network, policy, portal);
    const restMs = CLOSED_EVERY_MS + backoffMs(this.#failures, this.#deps.random());
    this.#later(this.#isOpen ? OPEN_EVERY_MS : restMs);
  }

  /** The time of the page was over, or a person closed it. */
  #noteEnd(isOpen: boolean): void {
    if (this.#isOpen && !isOpen && this.#page !== undefined) {
      this.#closed = this.#page.key;
      this.#deps.report({ type: "portal", state: "closed", url: this.#page.url, detail: "its time was over" });
    }
    this.#isOpen = isOpen;
  }

  /** The network of a known page is gone, and with it the reason for an exception. */
  async #leave(network: LoginNetwork | undefined): Promise<void> {
    if (network !== undefined && (this.#page === undefined || this.#page.key.startsWith(`${network.gateway} `))) return;
    if (this.#isOpen) await this.#end();
    this.#isOpen = false;
    this.#closed = undefined;
    if (this.#page !== undefined) {
      this.#deps.report({ type: "portal", state: "left", url: this.#page.url });
    }
    this.#page = undefined;
  }

  /** No answer came: the network may be slow, or lead nowhere. */
  #again(): void {
    this.#failures += 1;
    this.#later(this.#isOpen ? OPEN_EVERY_MS : SETTLE_MS + backoffMs(this.#failures, this.#deps.random()));
  }

  /** The probe got through: what was opened is closed, and the tunnels try at once. */
  async #pass(desired: DesiredState): Promise<void> {
    if (this.#isOpen) await this.#end();
    this.#isOpen = false;
    this.#closed = undefined;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#page === undefined) {
      if (await this.#isUnanswered(desired)) this.#again();
      return;
    }
    this.#deps.report({ type: "portal", state: "passed", url: this.#page.url });
    this.#page = undefined;
    for (const device of devicesOf(desired)) await this.#useCases.probe(device);
  }

  async #find(url: string, network: LoginNetwork, policy: PortalPolicy, portal: PortalPort): Promise<void> {
    const key = `${network.gateway} ${placeOf(url).host}`;
    if (this.#isOpen || this.#closed === key) return;
    const refused = policy.allow ? await this.#open(url, network, policy, portal) : NOT_ALLOWED;
    const isKnown = this.#page?.key === key && refused !== undefined;
    this.#page = { url, key };
    if (refused?.isFinal === true) this.#closed = key;
    if (refused?.isFinal === false) this.#failures += 1;
    if (isKnown) return;
    const why = refused === undefined ? {} : { detail: refused.refusal };
    this.#deps.report({ type: "portal", state: refused === undefined ? "open" : "found", url, ...why });
  }

  /** Opens it; the reason if it stays closed. Its name is looked up by the bootstrap servers, then by the network's. */
  async #open(
    url: string,
    network: LoginNetwork,
    policy: PortalPolicy,
    portal: PortalPort,
  ): Promise<Refusal | undefined> {
    const loaded = await this.#useCases.load(readSourceFiles(this.#deps.files));
    const forMs = policy.longestSeconds * 1000;
    const open = (page: OpenPortal) => this.#change.carryOut(() => this.#useCases.planOpenPortal(loaded, page, forMs));
    const unresolved = unresolvedPage(url, network);
    const { name } = unresolved;
    let found = name === undefined ? [] : await portal.resolve(name, bootstrapIn(await this.#useCases.acceptedState()));
    if (name !== undefined && found.length === 0) {
      await open(unresolved);
      found = await portal.resolve(name, unresolved.servers);
    }
    const placed = placedPage({ ...unresolved, servers: [] }, found, network, policy);
    if ("refusal" in placed) {
      await this.#end();
      return placed;
    }
    await open(placed.page);
    this.#isOpen = true;
    return undefined;
  }

  /** Whether a tunnel sends and gets no answer. */
  async #isUnanswered(desired: DesiredState): Promise<boolean> {
    for (const device of devicesOf(desired)) {
      const engine = await this.#useCases.engine(device);
      if (engine?.running === true && tunnelState(tunnelStatus(engine), Date.now(), false) === "blocked") return true;
    }
    return false;
  }
}

function devicesOf({ resources }: DesiredState): readonly string[] {
  return resources.flatMap((resource) => (resource.kind === "tunnel" ? [resource.spec.device] : []));
}

function bootstrapIn({ resources }: DesiredState): readonly string[] {
  return resources.flatMap((resource) =>
    resource.kind === "firewall" ? (resource.spec.layers[0]?.bootstrapDns ?? []) : [],
  );
}
