import type { CheckContext } from "./check-context.ts";

const LOOPBACK: readonly string[] = ["127.0.0.1", "::1"];
/** Lower ports need a capability (ip(7)), and the gateway has none. */
const FIRST_FREE_PORT = 1024;

/** Awg itself: its version, updates and interfaces. */
export function checkMachine(context: CheckContext): void {
  const { update, api, requires } = context.config;
  if (update?.automatic === true && update.publicKey === undefined && context.isUntouched(["update"])) {
    const message = "automatic updates need a public key to verify them";
    context.reportKey("update-unsigned", ["update", "automatic"], message, "add publicKey, or set automatic: false");
  }
  const listen = api?.http;
  if (listen !== undefined && (!LOOPBACK.includes(listen.host) || listen.port < FIRST_FREE_PORT)) {
    const message = "the API over HTTP listens on 127.0.0.1 or ::1 only, on a port from 1024";
    context.report("api-listen", ["api", "http"], message, "use 127.0.0.1:1777");
  }
  const have = context.options.programVersion;
  if (requires !== undefined && have !== undefined && isOlderVersion(have, requires.slice(2))) {
    const message = `the config requires awg ${requires}, this is ${have}`;
    context.report("requires-version", ["requires"], message, "update awg");
  }
}

function isOlderVersion(have: string, needed: string): boolean {
  const parts = (version: string) =>
    version
      .split(/[.+-]/)
      .slice(0, 3)
      .map((part) => Number.parseInt(part, 10) || 0);
  const [a, b] = [parts(have), parts(needed)];
  const differing = [0, 1, 2].find((index) => (a[index] ?? 0) !== (b[index] ?? 0));
  return differing !== undefined && (a[differing] ?? 0) < (b[differing] ?? 0);
}
