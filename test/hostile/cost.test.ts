import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sampleConfig, THIRD_PEER_KEY } from "../support/config.ts";

const SCRIPT = join(import.meta.dirname, "cost.script.ts");
const HEAD = sampleConfig("default: { via: direct }\n");
const MOST_KB = 50 * 1024;

const bomb = "abcdef".replaceAll(/./g, (name, at: number) => {
  const inner = at === 0 ? "x" : `*${"abcdef"[at - 1]}`;
  return `${name}: &${name} [${Array.from({ length: 9 }, () => inner).join(", ")}]\n`;
});

/** Each small, all read by one process. */
const SMALL: Readonly<Record<string, string>> = {
  bomb,
  "200 aliases": `a: &a x\nb: [${"*a,".repeat(200)}]\n`,
  "a cycle": "a: &a { b: *a }\n",
  "10,000 brackets": `${"[".repeat(10_000)}${"]".repeat(10_000)}`,
  "10,000 braces": `a: ${"{a: ".repeat(10_000)}`,
  "10,000 dashes": "- ".repeat(10_000),
  "10,000 question marks": "? ".repeat(10_000),
  "700 keys in keys": Array.from({ length: 700 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join(""),
  "a key 2,000 times": `${HEAD}${"name: a\n".repeat(2_000)}`,
  "a tag, a prototype, an octal": `${HEAD}name: !!js/function x\n__proto__: { a: 1 }\nreconcile: { quiet: 012 }\n`,
};

/** Each in a process of its own. */
const LARGE: Readonly<Record<string, string>> = {
  "4 MiB": `a: ${"x".repeat(4 * 1024 * 1024)}`,
  "1 MiB in bytes but not in characters": `a: "${"ü".repeat(600_000)}"`,
  "400,000 values": `a: [${"1,".repeat(400_000)}]`,
  "1 MiB of brackets": "[".repeat(1024 * 1024 - 10),
};

/** As large as a config gets by right: 10,000 prefixes and 1,000 rules. */
function honest(): string {
  const prefixes = Array.from({ length: 10_000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`).join(", ");
  const peer = `{ publicKey: ${THIRD_PEER_KEY}, allowedIPs: [${prefixes}] }`;
  const rules = Array.from({ length: 1_000 }, (_, index) => `  - { apps: [app${index}], ports: [443], via: a }\n`);
  return `${HEAD}tunnels: { a: { protocol: wireguard, listenPort: 1, privateKey: { file: /k }, peers: [${peer}] } }
rules:
${rules.join("")}`;
}

function costOf(texts: readonly string[]): { readonly cpuMs: readonly number[]; readonly grownKb: number } {
  const argv = ["--disable-warning=ExperimentalWarning", SCRIPT];
  const options = { input: JSON.stringify(texts), encoding: "utf8", timeout: 200_000, maxBuffer: 1e6 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, options);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

test("D3: a hostile text costs less processor time than the largest honest config, and less than 50 MB", {
  timeout: 400_000,
}, () => {
  const [most = 0] = costOf([honest()]).cpuMs;
  const dear: string[] = [];
  const judge = (names: readonly string[], { cpuMs, grownKb }: ReturnType<typeof costOf>): void => {
    if (grownKb > MOST_KB) dear.push(`${names.join(", ")}: ${grownKb} KiB`);
    for (const [index, name] of names.entries()) {
      if ((cpuMs[index] ?? 0) > most) dear.push(`${name}: ${cpuMs[index]} ms, the honest one ${most} ms`);
    }
    if (process.env["AWG_PRINT"] !== undefined)
      process.stdout.write(`${names.join(", ")}: ${cpuMs} ms, ${grownKb} KiB\n`);
  };
  judge(Object.keys(SMALL), costOf(Object.values(SMALL)));
  for (const [name, text] of Object.entries(LARGE)) judge([name], costOf([text]));
  if (process.env["AWG_PRINT"] !== undefined) process.stdout.write(`honest: ${most} ms\n`);
  expect(dear).toEqual([]);
});
