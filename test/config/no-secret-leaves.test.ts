import fc from "fast-check";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { renderProblem } from "../../src/config/problem.ts";
import { sampleConfig } from "../support/config.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);

/** No word of the language, and not of its messages. */
const CANARY = "Qz7Kw9Xv";
const KEY = `${CANARY}P4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWX=`;

const secretFields = [
  `privateKey: ${KEY}`,
  `privateKey: "${KEY}"`,
  `privateKey: { inline: ${KEY} }`,
  `privateKey: { file: ${CANARY} }`,
  `privateKey: { fle: ${CANARY} }`,
  `privateKey: { inline: ${CANARY}, file: /k }`,
  `privateKey: [${CANARY}]`,
  `privateKey: |\n      ${CANARY}\n      ${CANARY}`,
  `privateKey: !!binary ${CANARY}`,
  `privateKey: *${CANARY}`,
  `privatKey: ${CANARY}`,
  `privateKey : ${CANARY}`,
  `auth: { username: me, password: ${CANARY} }`,
  `auth: { username: me, passwrd: ${CANARY} }`,
  `obfuscation: { headerProtectionKey: ${CANARY} }`,
  `peers: [{ publicKey: x, presharedKey: ${KEY} }]`,
  `peers: [{ publicKey: x, presharedKey: "${CANARY} }]`,
  `token: { deep: [{ er: ${CANARY} }] }`,
];

/** Damage of the kinds that hands and merge tools do. */
const damage: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text.replace(/\n(?=.*Qz7)/, "\n\t"),
  (text) => text.replace(/"$/m, ""),
  (text) => text.replace("tunnels:", "tunnels: ["),
  (text) => text.replaceAll("}", ""),
  (text) => text.replace(": ", ":"),
  (text) => `${text}\n  'open`,
  (text) => text.replace("  a:", "  a"),
  (text) => text.replace("apiVersion: awg/v1", "<<<<<<< HEAD"),
];

function renderAll(text: string): string {
  const { problems } = loadConfig([{ name: "a.yaml", text, mode: 0o644 }]);
  return (
    problems.map((problem) => renderProblem(problem, { color: true, excerpt: true })).join("\n") +
    JSON.stringify(problems)
  );
}

const textOf = (field: string, protocol: string) =>
  sampleConfig(`tunnels:\n  a:\n    protocol: ${protocol}\n    ${field}\ndefault: { via: a }\n`);

test("law 8: no secret appears in a problem, however the file is broken", () => {
  for (const field of secretFields) {
    // An alias's name and a variable's are no secrets by their place: they are what a message must name.
    if (field.includes(`*${CANARY}`)) continue;
    for (const protocol of ["wireguard", "amneziawg", "socks5", "nope"]) {
      for (const break_ of damage) expect(renderAll(break_(textOf(field, protocol)))).not.toContain(CANARY);
    }
  }
});

test("law 8: nor when the text is cut, or a character is lost or doubled anywhere", () => {
  const texts = secretFields
    .filter((field) => !field.includes(`*${CANARY}`))
    .map((field) => textOf(field, "amneziawg"));
  const edit = fc.tuple(
    fc.constantFrom(...texts),
    fc.nat(),
    fc.constantFrom("cut", "lose", "double", "quote", "brace"),
  );
  fc.assert(
    fc.property(edit, ([text, at, kind]) => {
      const index = at % text.length;
      const [before, char, after] = [text.slice(0, index), text.charAt(index), text.slice(index + 1)];
      const edited = {
        cut: before,
        lose: before + after,
        double: before + char + char + after,
        quote: `${before}"${char}${after}`,
        brace: `${before}}${char}${after}`,
      }[kind];
      const canary = edited.includes(CANARY) ? CANARY : CANARY.slice(0, 6);
      expect(renderAll(edited)).not.toContain(canary);
    }),
    { seed, numRuns: 800 },
  );
});
