import { parseIp } from "../../model/ip.ts";
import { parsePrefix, prefixContains } from "../../model/prefix.ts";
import type { CheckContext } from "./check-context.ts";

/** Awg itself: its version, updates and interfaces. */
export function checkMachine(context: CheckContext): void {
  const { update, api, requires } = context.config;
  if (update?.automatic === true && update.publicKey === undefined && context.isUntouched(["update"])) {
    const message = "automatic updates need a public key to verify them";
    context.reportKey("update-unsigned", ["update", "automatic"], message, "add publicKey, or set automatic: false");
  }
  const listen = api?.http?.listen;
  if (listen !== undefined && !isLoopback(listen.host)) {
    const message = "the HTTP interface must listen on loopback";
    context.report("api-not-loopback", ["api", "http", "listen"], message, `use 127.0.0.1:${listen.port}`);
  }
  const have = context.options.programVersion;
  if (requires !== undefined && have !== undefined && isOlderVersion(have, requires.slice(2))) {
    const message = `the config requires awg ${requires}, this is ${have}`;
    context.report("requires-version", ["requires"], message, "update awg");
  }
}

function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const ip = parseIp(host);
  const loopback = parsePrefix(ip?.family === 6 ? "::1/128" : "127.0.0.0/8");
  if (ip === undefined || loopback === undefined) return false;
  return prefixContains(loopback, { family: ip.family, address: ip.value, length: ip.family === 4 ? 32 : 128 });
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
