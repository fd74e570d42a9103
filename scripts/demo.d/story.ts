import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Narrator } from "./narrator.ts";

/** Where a story keeps its files and which options lead awg to its machine. */
export interface Setting {
  readonly folder: string;
  /** Options of every awg command, not shown. */
  readonly options: readonly string[];
  readonly config: string;
}

/** What ends a story early: what follows would only repeat the failure. */
export class StoryEnds extends Error {}

/** The chapters that the real and the simulated machine share. */
export class Story {
  readonly narrator: Narrator;
  readonly setting: Setting;

  constructor(setting: Setting) {
    this.setting = setting;
    this.narrator = new Narrator(setting.folder);
    writeFileSync(this.config, setting.config);
  }

  get config(): string {
    return join(this.setting.folder, "laptop.yaml");
  }

  /** The command line of an awg verb on this story's machine. */
  awg(...argv: string[]): string[] {
    return [join(import.meta.dirname, "..", "awg"), ...argv, ...this.setting.options];
  }

  /** Shows an awg command that must succeed; without it the story makes no sense. */
  succeed(shown: string, argv: readonly string[], claim: string): string {
    const outcome = this.narrator.show(shown, this.awg(...argv));
    this.narrator.check(claim, outcome.status === 0, `exit ${outcome.status}`);
    if (outcome.status !== 0) throw new StoryEnds(claim);
    return outcome.stdout;
  }

  wishAndPlan(): void {
    const { narrator, config, setting } = this;
    const savedPlan = join(setting.folder, "laptop.plan");
    narrator.chapter("The config");
    narrator.quote(setting.config);
    this.succeed("awg validate -f laptop.yaml", ["validate", "-f", config], "it is valid");
    narrator.chapter("The plan is saved; apply does exactly that, or refuses");
    this.succeed("awg plan -f laptop.yaml --out laptop.plan", ["plan", "-f", config, "--out", savedPlan], "planned");
    this.succeed("awg apply laptop.plan", ["apply", savedPlan], "applied, and read back as planned");
  }

  nothingLeft(): void {
    const { config } = this;
    this.succeed("awg diff -f laptop.yaml", ["diff", "-f", config], "no differences");
    this.succeed("awg apply -f laptop.yaml", ["apply", "-f", config], "nothing to apply");
  }

  /** After somebody meddled with the office's routes. */
  namedAndRepaired(): void {
    const { narrator, config } = this;
    const diff = narrator.show("awg diff -f laptop.yaml", this.awg("diff", "-f", config));
    const named = diff.status === 1 && diff.stdout.includes("routes/office");
    narrator.check("diff names it and exits 1", named, `exit ${diff.status}`);
    const apply = ["apply", "-f", config, "--auto-approve"];
    this.succeed("awg apply -f laptop.yaml --auto-approve", apply, "repaired");
  }

  /** Runs the chapters, then says how it ended; gives the exit code. */
  async tell(chapters: () => Promise<void>): Promise<number> {
    try {
      await chapters();
    } catch (error) {
      if (!(error instanceof StoryEnds)) throw error;
    }
    return this.narrator.end();
  }
}

/** AmneziaWG 2.0 as both ends of the demo speak it: other sizes, other first bytes, junk before each handshake. */
export const OBFUSCATION = `{ version: "2.0", jc: 4, jmin: 40, jmax: 70,
      s1: 72, s2: 45, s3: 8,
      h1: 100000-199999, h2: 200000-299999,
      h3: 300000-399999, h4: 400000-499999 }`;

/** The laptop's wish; `key` is the file with its private key. */
export function configText(key: string, serverPublicKey: string, endpoint: string, nameServer: string): string {
  return `apiVersion: awg/v1
name: laptop
tunnels:
  office:
    protocol: amneziawg
    privateKey: { file: ${key} }
    addresses: [10.8.0.2/32, fd08::2/128]
    obfuscation: ${OBFUSCATION}
    peers:
      - publicKey: ${serverPublicKey}
        endpoint: ${endpoint}
        allowedIPs: [0.0.0.0/0, ::/0]
        persistentKeepalive: 25s
default: { via: office, fallback: block }
killSwitch: { enabled: true, allowLan: false }
dns: { servers: [${nameServer}], via: office }
`;
}
