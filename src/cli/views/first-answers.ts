import type { FirstAnswer } from "../../app/first-answer/first-answers.ts";
import { unresolvedRemedy } from "../../model/dns/question.ts";

/** As long as an apply waits. */
const JUST_NOW_SECONDS = 5;

/**
 * One paragraph for each tunnel: whether it carries, and what to try if it does not.
 *
 * @param waited whether the answers were awaited for 5 s
 */
export function renderFirstAnswers(answers: readonly FirstAnswer[], waited: boolean): string {
  return answers.map((answer) => `${textOf(answer, waited)}\n`).join("");
}

function textOf(answer: FirstAnswer, waited: boolean): string {
  const { state, endpoint = "its peer", name = "" } = answer;
  const tunnel = `Tunnel "${answer.tunnel}"`;
  switch (state) {
    case "up":
      return `${tunnel} is up: ${handshakeText(answer, endpoint)}${dnsText(answer)}.`;
    case "silent":
      return [
        `${tunnel} has no handshake yet: ${endpoint} did not answer${waited ? " in 5 s" : ""}.`,
        "Check the endpoint, its port and the peer's public key; then run: awg doctor",
      ].join("\n");
    case "unreachable":
      return [
        `${tunnel} has no handshake yet: no route to ${endpoint}.`,
        "Connect the host to its network; the first packet then brings the tunnel up.",
      ].join("\n");
    case "stuck":
      return [
        `${tunnel} has a handshake with ${endpoint}, but no packet enters it.`,
        "Find what holds it up with: awg doctor",
      ].join("\n");
    case "unresolved":
      return [
        `${tunnel} is down: cannot resolve ${name}.`,
        `To fix it, ${unresolvedRemedy(name)}; then run: awg apply`,
      ].join("\n");
  }
}

function handshakeText({ handshakeMs, ageSeconds = 0 }: FirstAnswer, endpoint: string): string {
  if (handshakeMs !== undefined) return `handshake with ${endpoint} in ${handshakeMs} ms`;
  // It came before the first look, as with persistentKeepalive.
  if (ageSeconds <= JUST_NOW_SECONDS) return `handshake with ${endpoint} just now`;
  return `last handshake with ${endpoint} ${ageSeconds} s ago`;
}

function dnsText({ dns = [] }: FirstAnswer): string {
  return dns.length === 0 ? "" : `, DNS ${dns.join(", ")}`;
}
