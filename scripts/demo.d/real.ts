/** The demo on the real kernel. Runs in namespaces of its own (scripts/demo made them). */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { differingLines } from "./differing-lines.ts";
import { quietly } from "./narrator.ts";
import { snapshot } from "./snapshot.ts";
import { buildStage, inside, must, packetsInClear, packetsOfTunnel, stage } from "./stage.ts";
import { configText, Story } from "./story.ts";
import { ChangeWatcher } from "./watcher.ts";

const folder = process.env["AWG_DEMO_FOLDER"] ?? "";

function answers(...argv: string[]): boolean {
  return quietly(inside("laptop", "ping", "-n", "-c", "1", "-W", "1", ...argv)).status === 0;
}

/** A first handshake takes a moment, and so does everything on a busy machine; ask up to twenty times. */
function answersSoon(...argv: string[]): boolean {
  return Array.from({ length: 20 }).some(() => answers(...argv));
}

function beforeAnything({ narrator }: Story): void {
  narrator.chapter("Before: the laptop reaches the internet without a tunnel");
  narrator.check(`ping ${stage.web4} is answered`, answersSoon(stage.web4));
  narrator.check(`ping ${stage.web6} is answered`, answersSoon(stage.web6));
  narrator.check("the router saw them", packetsInClear() >= 2, `packets in clear: ${packetsInClear()}`);
}

function insideTheTunnel({ narrator }: Story): void {
  narrator.chapter("All traffic uses the tunnel, or is dropped");
  must(inside("router", "nft", "reset", "counter", "inet", "demo", "clear"));
  narrator.check(`ping ${stage.web4} is answered, through the tunnel`, answersSoon(stage.web4));
  narrator.check(`ping ${stage.web6} is answered, through the tunnel`, answersSoon(stage.web6));
  const resolved = quietly(inside("laptop", "getent", "ahostsv4", "intranet.example"));
  const claim = `intranet.example is ${stage.intranet}, says the name server in the tunnel`;
  narrator.check(claim, resolved.stdout.includes(stage.intranet), resolved.stderr);
  const past = answers("-I", stage.uplink, stage.web4) || answers("-I", stage.uplink, stage.web6);
  narrator.check("ping outside the tunnel is dropped", !past);
  zeroInClear({ narrator }, "the router saw 0 packets in clear");
  const { all, likeWireguard } = packetsOfTunnel();
  const disguised = "no packet of the tunnel begins as WireGuard's do";
  narrator.check(disguised, all >= 10 && likeWireguard === 0, `${likeWireguard} of ${all} packets`);
}

function zeroInClear({ narrator }: Pick<Story, "narrator">, claim: string): void {
  const count = packetsInClear();
  narrator.check(claim, count === 0, `packets in clear: ${count}`);
}

async function applyAgain(story: Story): Promise<void> {
  story.narrator.chapter("A second apply finds nothing to do");
  const watcher = new ChangeWatcher("laptop");
  await watcher.ready(() => {
    const route = ["blackhole", "192.0.2.254", "table", "7"];
    for (const verb of ["add", "delete"]) must(["ip", "-n", "laptop", "route", verb, ...route]);
    must(inside("laptop", "nft", "add table inet heard; delete table inet heard"));
  });
  story.nothingLeft();
  const changes = await watcher.end();
  const claim = "the kernel reported 0 changes (links, addresses, routes, rules, nftables)";
  story.narrator.check(claim, changes.length === 0, changes.join("\n"));
}

function meddleAndRepair(story: Story): void {
  const { narrator } = story;
  narrator.chapter("Another program deletes a route");
  const routes = must(["ip", "-n", "laptop", "-4", "route", "show", "table", "all", "default"]);
  const table = /^default dev \S+ table (\d{6,})/m.exec(routes)?.[1] ?? "unknown";
  const deletion = ["route", "delete", "default", "table", table];
  narrator.show(`ip ${deletion.join(" ")}`, ["ip", "-n", "laptop", ...deletion]);
  story.namedAndRepaired();
  narrator.check("the tunnel carries again", answersSoon(stage.web4));
  zeroInClear(story, "the router still saw 0 packets in clear");
  story.succeed("awg status", ["status"], "status shows it");
}

/** Left out where this user may load no BPF programs, as root of a user namespace alone. */
function twoCopies(story: Story): void {
  const { narrator, setting } = story;
  const [copy, config] = [join(folder, "ping-direct"), join(folder, "programs.yaml")];
  const rules = `rules:\n  - { name: copy, apps: [{ path: ${copy} }], via: direct }\n`;
  copyFileSync(must(["sh", "-c", "command -v ping"]).trim(), copy);
  must(["chmod", "755", copy]);
  writeFileSync(config, `${setting.config}${rules}`);
  if (quietly(story.awg("plan", "-f", config)).status !== 0) return;
  narrator.chapter("Two copies of one program take two paths");
  narrator.quote(rules.replace(`${folder}/`, ""));
  story.succeed("awg apply -f programs.yaml --auto-approve", ["apply", "-f", config, "--auto-approve"], "applied");
  must(inside("router", "nft", "reset", "counter", "inet", "demo", "clear"));
  narrator.check("ping still uses the tunnel", answersSoon(stage.web4));
  zeroInClear(story, "the router saw 0 packets in clear");
  const isAnswered = quietly(inside("laptop", copy, "-n", "-c", "1", "-W", "5", stage.web4)).status === 0;
  narrator.check("its copy goes past the tunnel", isAnswered && packetsInClear() > 0, `in clear: ${packetsInClear()}`);
  story.succeed(
    `awg explain ${stage.web4} --app ping-direct`,
    ["explain", stage.web4, "--app", copy],
    "and explain says so",
  );
  const back = ["apply", "-f", story.config, "--auto-approve"];
  story.succeed("awg apply -f laptop.yaml --auto-approve", back, "the rule is gone again");
}

function destroy(story: Story, before: ReadonlyMap<string, string>): void {
  const { narrator } = story;
  narrator.chapter("Remove everything");
  story.succeed("awg destroy --auto-approve", ["destroy", "--auto-approve"], "destroyed");
  for (const [part, text] of snapshot("laptop")) {
    const lines = differingLines(before.get(part) ?? "", text);
    narrator.check(`${part}: exactly as before`, lines === "", lines);
  }
  narrator.check(
    "the laptop reaches the internet without a tunnel again",
    answersSoon(stage.web4) && answersSoon(stage.web6),
  );
}

/** Nothing may outlive the demo, also when it failed half-way. */
function endEverythingInside(): void {
  for (const name of ["laptop", "router", "server"]) {
    for (const pid of quietly(["ip", "netns", "pids", name]).stdout.split("\n").filter(Boolean)) {
      quietly(["kill", "-9", pid]);
    }
  }
}

/** An interrupted demo, also by a closed pipe, ends as clean as a finished one. */
function endWhenInterrupted(): void {
  const end = (): never => {
    endEverythingInside();
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  process.stdout.on("error", end);
}

async function main(): Promise<number> {
  endWhenInterrupted();
  try {
    const { clientKey, serverKey } = buildStage(folder);
    const key = join(folder, "office.key");
    writeFileSync(key, `${clientKey}\n`, { mode: 0o600 });
    const endpoint = `${stage.server4}:${stage.serverPort}`;
    const config = configText(key, serverKey, endpoint, stage.nameServer);
    const options = ["--netns", "laptop", "--state-dir", join(folder, "state")];
    const story = new Story({ folder, options, config });
    story.narrator.title(
      "awg: infrastructure as code for the network path of a host",
      "A laptop, a router and a VPN server in private network namespaces:\nreal kernel, real tunnel, real packets.\nThe server is awg with another configuration. Your own network does not change.",
    );
    return await story.tell(async () => {
      beforeAnything(story);
      const before = snapshot("laptop");
      story.wishAndPlan();
      insideTheTunnel(story);
      await applyAgain(story);
      meddleAndRepair(story);
      twoCopies(story);
      destroy(story, before);
    });
  } finally {
    endEverythingInside();
  }
}

process.exitCode = await main();
