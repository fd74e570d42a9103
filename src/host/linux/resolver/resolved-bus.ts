import { AwgError } from "../../../model/error.ts";
import { SYSTEM_BUS_SOCKET } from "../facts/resolver-method.ts";

const SERVICE = "org.freedesktop.resolve1";
const MANAGER_PATH = "/org/freedesktop/resolve1";
const MANAGER = `${SERVICE}.Manager`;
const CALL_TIMEOUT_MS = 10_000;

/** One call to systemd-resolved. */
export interface ResolvedCall {
  readonly member: string;
  /** D-Bus signature of the body. */
  readonly signature?: string;
  readonly body?: readonly unknown[];
  /** The manager's when left out. */
  readonly path?: string;
  readonly interface?: string;
}

/** A connection to systemd-resolved on the system bus. */
export interface ResolvedBus extends Disposable {
  /** Calls and returns the reply; throws AwgError("host") with the service's message. */
  call(call: ResolvedCall): Promise<unknown>;
}

/** The library's types lack the client that takes an address. */
type Library = typeof import("@homebridge/dbus-native") & { createClient(options: object): NativeBus };

interface NativeBus {
  readonly connection: { on(event: "error", listener: (error: Error) => void): void; end(): void };
  invoke(message: object, callback: (error: { message?: unknown } | null | undefined, value: unknown) => void): void;
}

/** Connects at the first call, which also loads the library. */
export function openResolvedBus(address = `unix:path=${SYSTEM_BUS_SOCKET}`): ResolvedBus {
  let connecting: Promise<NativeBus> | undefined;
  let broken: ((error: Error) => void) | undefined;
  const connect = async (): Promise<NativeBus> => {
    const library = (await import("@homebridge/dbus-native")) as unknown as { default: Library };
    const bus = library.default.createClient({ busAddress: address });
    bus.connection.on("error", (error) => broken?.(error));
    return bus;
  };
  return {
    call: async (call) => {
      connecting ??= connect();
      const bus = await connecting;
      return new Promise((resolve, reject) => {
        const fail = (why: unknown) => reject(callError(call, why));
        const timer = setTimeout(() => fail(`no answer in ${CALL_TIMEOUT_MS / 1000} s`), CALL_TIMEOUT_MS);
        broken = fail;
        bus.invoke(messageOf(call), (error, value) => {
          clearTimeout(timer);
          if (error === null || error === undefined) resolve(value);
          else fail(error.message ?? error);
        });
      });
    },
    [Symbol.dispose]: () => {
      connecting?.then(
        (bus) => bus.connection.end(),
        () => undefined,
      );
    },
  };
}

function messageOf({ member, signature, body, path = MANAGER_PATH, interface: name = MANAGER }: ResolvedCall): object {
  return {
    destination: SERVICE,
    path,
    interface: name,
    member,
    ...(signature === undefined ? {} : { signature, body: body ?? [] }),
  };
}

function callError({ member }: ResolvedCall, why: unknown): AwgError {
  const words = why instanceof Error ? why.message : Array.isArray(why) ? why.join(" ") : String(why);
  return new AwgError("host", `systemd-resolved did not do ${member}: ${words}`, {
    remedy: "check that systemd-resolved runs",
  });
}
