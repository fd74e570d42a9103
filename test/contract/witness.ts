import type { Host } from "../../src/host/ports/host.ts";
import type { Clause, ContractWorld, Viewer } from "./contract-world.ts";

/** One call of a port's method, as it passed from a clause to the host that is checked. */
interface Call {
  /** As in `covers`: "links.ensure". */
  readonly method: string;
  /** Whose view of the machine it went through; every host, second process and viewer is a view of its own. */
  readonly view: number;
  readonly isViewers: boolean;
  /** Whether another call was under way meanwhile. */
  readonly overlapped: boolean;
}

const PORTS = ["facts", "links", "engines", "routes", "firewall", "sysctl", "resolver", "probes"] as const;
const MORE_PORTS = ["classifier", "services", "systemExtensions"] as const;

/** A screen refuses whoever asks; the clause breaks it. */
const SCREEN = "notifications.show";

/** Stands between a clause and a host and writes down what is called; it changes nothing of it. */
class Witness {
  readonly calls: Call[] = [];
  #views = 0;
  readonly #open = new Set<{ overlapped: boolean }>();

  world(real: ContractWorld): ContractWorld {
    const { asViewer } = real;
    return {
      ...real,
      host: this.#host(real.host, false),
      second: () => this.#host(real.second(), false),
      ...(asViewer === undefined
        ? {}
        : {
            asViewer: (use) => asViewer((host, viewer) => use(this.#host(host, true), this.#viewer(viewer))),
          }),
      processes: () => this.#port("processes", real.processes(), this.#view(), false),
      networkEvents: () => this.#port("networkEvents", real.networkEvents(), this.#view(), false),
      services: () => this.#port("services", real.services(), this.#view(), false),
      notifications: {
        ...this.#port("notifications", { show: real.notifications.show }, this.#view(), false),
        shown: () => real.notifications.shown(),
      },
    };
  }

  #view(): number {
    this.#views += 1;
    return this.#views;
  }

  #viewer(real: Viewer): Viewer {
    const view = this.#view();
    return {
      processes: this.#port("processes", real.processes, view, true),
      networkEvents: this.#port("networkEvents", real.networkEvents, view, true),
      services: this.#port("services", real.services, view, true),
    };
  }

  #host(real: Host, isViewers: boolean): Host {
    const view = this.#view();
    const seen = [...PORTS, ...MORE_PORTS].flatMap((name) => {
      const port = real[name];
      return port === undefined ? [] : [[name, this.#port(name, port as object, view, isViewers)] as const];
    });
    return new Proxy(real, {
      get: (target, name) => {
        const port = seen.find(([known]) => known === name)?.[1];
        if (port !== undefined) return port;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  #port<Port extends object>(name: string, real: Port, view: number, isViewers: boolean): Port {
    return new Proxy(real, {
      get: (target, key) => {
        const call: unknown = Reflect.get(target, key, target);
        if (typeof call !== "function") return call;
        const method = `${name}.${String(key)}`;
        return (...values: unknown[]) => {
          const result = this.#noted(method, view, isViewers, () => call.apply(target, values) as unknown);
          return method === "networkEvents.watch" ? this.#watch(result as AsyncDisposable, view, isViewers) : result;
        };
      },
    });
  }

  #watch(real: AsyncDisposable, view: number, isViewers: boolean): AsyncDisposable {
    const end = () => this.#noted("networkEvents.dispose", view, isViewers, () => real[Symbol.asyncDispose]());
    return { [Symbol.asyncDispose]: async () => end() };
  }

  #noted<Result>(method: string, view: number, isViewers: boolean, run: () => Result): Result {
    const call = { method, view, isViewers, overlapped: this.#open.size > 0 };
    for (const other of this.#open) other.overlapped = true;
    this.calls.push(call);
    this.#open.add(call);
    const close = () => void this.#open.delete(call);
    try {
      const result = run();
      if (result instanceof Promise) result.then(close, close);
      else close();
      return result;
    } catch (error) {
      close();
      throw error;
    }
  }
}

/**
 * Checks a clause of a host, and that it did what it says it covers: each method was called; where it speaks of a refusal, by
 * somebody without root's rights, and where it speaks of company, with another call under way or by two processes.
 *
 * @throws whatever the clause throws, or an Error that names what it covers by its word alone
 */
export async function checkWitnessed(clause: Clause, world: ContractWorld): Promise<void> {
  const witness = new Witness();
  await clause.check(witness.world(world));
  const unseen = clause.covers.flatMap(([method, ...situations]) => {
    const calls = witness.calls.filter((call) => call.method === method);
    if (calls.length === 0) return [`${method} was never called`];
    return [
      ...(situations.includes("refused") && method !== SCREEN && !calls.some(({ isViewers }) => isViewers)
        ? [`${method} refused`]
        : []),
      ...(situations.includes("concurrent") && !isInCompany(calls) ? [`${method} concurrent`] : []),
      ...(situations.length > 1 && calls.length < 2 ? [`${method}: ${situations.length} situations in one call`] : []),
    ];
  });
  if (unseen.length > 0) throw new Error(`the clause says it covers what was not seen: ${unseen.join(", ")}`);
}

function isInCompany(calls: readonly Call[]): boolean {
  return calls.some(({ overlapped }) => overlapped) || new Set(calls.map(({ view }) => view)).size > 1;
}
