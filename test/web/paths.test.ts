import { expect, test } from "vitest";
import type { ProgramLine, StatusDocument } from "../../web/src/documents.ts";
import { pathsOf } from "../../web/src/paths.ts";

const tunnel = (name: string, state: string, endpoint: string | null) => ({
  key: `tunnel/${name}`,
  ready: true,
  drift: [],
  summary: "",
  tunnel: { state, wire: "wireguard", peers: [{ endpoint }] },
});
const status = {
  resources: [tunnel("office", "connected", "198.51.100.7:51820")],
  down: ["home"],
  fallback: [],
  directRules: [],
};
const program = (path: string, via: string, origin: string, sockets = 1): ProgramLine => ({
  pid: 1,
  name: "MainThread",
  path,
  user: "ann",
  kernelThread: false,
  sockets,
  rule: { origin, via, enforcement: "enforced" },
  perhaps: [],
});
const pathsWith = (...programs: readonly ProgramLine[]) => pathsOf(status as unknown as StatusDocument, programs);

test("each tunnel with its state, its server and the programs that take it", () => {
  const paths = pathsWith(
    program("/usr/bin/cron", "office", "default", 0),
    program("/usr/bin/slack", "office", "default", 1),
    program("/opt/firefox", "office", "default", 4),
    program("/opt/firefox", "office", "default", 4),
    program("/usr/bin/jellyfin", "home", "rules/0", 0),
  );
  expect(paths.map(({ name, tone, end, isDefault, programs }) => ({ name, tone, end, isDefault, programs }))).toEqual([
    { name: "office", tone: "good", end: "198.51.100.7:51820", isDefault: true, programs: ["firefox", "slack"] },
    { name: "home", tone: "quiet", end: "not connected", isDefault: false, programs: ["jellyfin"] },
  ]);
});

test("the direct path and the blocked one are shown if a rule uses them", () => {
  expect(pathsWith().map(({ name }) => name)).toEqual(["office", "home"]);
  const paths = pathsWith(program("/usr/bin/restic", "direct", "rules/0"), program("/opt/game", "block", "rules/1"));
  expect(paths.map(({ name }) => name)).toEqual(["office", "home", "direct", "block"]);
});

test("while a server is silent, its programs are where its fallback sends them", () => {
  const fallback = [{ tunnel: "office", to: "direct", rules: ["default"] }];
  const programs = [program("/opt/firefox", "office", "default"), program("/opt/mail", "office", "rules/0 (mail)")];
  const paths = pathsOf({ ...status, fallback } as unknown as StatusDocument, programs);
  expect(paths.map(({ name, isDefault, programs: users }) => [name, isDefault, users])).toEqual([
    ["office", false, ["mail"]],
    ["home", false, []],
    ["direct", true, ["firefox"]],
  ]);
});

test("a rule for some traffic of programs is shown on its path", () => {
  const backup = { origin: "rules/0 (backup)", via: "direct", enforcement: "enforced" };
  const programs = [{ ...program("/opt/firefox", "office", "default"), perhaps: [backup] }];
  expect(pathsWith(...programs, ...programs).map(({ name, rules }) => [name, rules])).toEqual([
    ["office", []],
    ["home", []],
    ["direct", ["rule “backup”"]],
  ]);
});

test("a viewer, who gets no programs, sees which rules send traffic direct", () => {
  const paths = (directRules: readonly string[], fallback: StatusDocument["fallback"] = []) =>
    pathsOf({ ...status, directRules, fallback } as unknown as StatusDocument, []).map(({ name, isDefault, rules }) => [
      name,
      isDefault,
      rules,
    ]);
  expect(paths(["rules/0 (backup)", "rules/1"]).at(-1)).toEqual(["direct", false, ["rule “backup”", "rule 2"]]);
  expect(paths(["default"]).at(-1)).toEqual(["direct", true, []]);
  const silent = { tunnel: "office", to: "direct", rules: ["rules/0 (media)", "default"] };
  expect(paths([], [silent]).at(-1)).toEqual(["direct", true, ["rule “media”"]]);
});
