import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { tryRun, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { type Certificate, makeCertificate } from "../../resolver/servers/encrypted-server.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";

const reason = whyNoLab();
const [upstream, inner, publicResolver] = ["198.51.100.54", "198.51.100.55", "9.9.9.9"];
const SERVER = join(import.meta.dirname, "..", "..", "resolver", "servers", "encrypted.script.ts");
const { echo, resolver } = place.v4;
/** Classes of programs need the kernel's types. */
const noClasses = !existsSync("/sys/kernel/btf/vmlinux");

describe.skipIf(reason !== undefined)(
  `rules by domain${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 400_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    const servers: ChildProcess[] = [];
    let awg: AwgInWorld;

    /** A name server on the internet with these addresses of names, each valid for a second. */
    async function serve(address: string, records: readonly string[]): Promise<void> {
      const { world } = judged();
      const internet = world.namespace("internet");
      await tryRun(["ip", "-n", internet, "address", "add", address, "dev", "lo"]);
      const own = [
        "--keep-in-foreground",
        "--no-resolv",
        "--no-hosts",
        "--bind-interfaces",
        "--user=root",
        "--port=53",
      ];
      const pid = `--pid-file=${join(world.folder, `${address}.pid`)}`;
      const argv = ["netns", "exec", internet, "dnsmasq", ...own, pid, `--listen-address=${address}`, ...records];
      servers.push(spawn("ip", argv, { stdio: "ignore" }));
      const listens = ["ip", "netns", "exec", internet, "ss", "-Hlun", "sport", "=", ":53"];
      await waitFor("the name server", async () => (await tryRun(listens)).stdout.includes(address));
    }

    /** A server of DNS over TLS and HTTPS on the internet that answers each name with this address. */
    async function serveEncrypted(address: string, answer: string, { cert, key }: Certificate): Promise<void> {
      const internet = judged().world.namespace("internet");
      await tryRun(["ip", "-n", internet, "address", "add", address, "dev", "lo"]);
      const argv = [process.execPath, SERVER, address, answer, cert, key];
      servers.push(spawn("ip", ["netns", "exec", internet, ...argv], { stdio: "ignore" }));
      const listens = ["ip", "netns", "exec", internet, "ss", "-Hltn", "sport", "=", ":443"];
      await waitFor("the encrypted server", async () => (await tryRun(listens)).stdout.includes(address));
    }

    beforeAll(async () => {
      const names = [`www.corp.example,${echo}`, `other.example,${resolver}`].map((one) => `--host-record=${one},1`);
      names.push(`--host-record=six.corp.example,${place.v6.echo},1`);
      names.push("--cname=alias.corp.example,far.example", `--host-record=far.example,${echo},1`);
      names.push(...["both.example", "by.rule.example"].map((name) => `--host-record=${name},${echo},1`));
      await serve(upstream, names);
      const ofTunnel = ["both.example", "by.rule.example", "host.inner.example"];
      await serve(
        inner,
        ofTunnel.map((name) => `--host-record=${name},${resolver},1`),
      );
    });
    afterAll(() => {
      for (const server of servers) server.kill("SIGKILL");
    });
    beforeEach(() => {
      const { world, keys } = judged();
      awg = new AwgInWorld(world, keys, program());
    });
    afterEach(() => awg[Symbol.asyncDispose]());

    function config(defaultVia: string, rules: string, dns: string): string {
      const path = awg.config({ server: judged().first, engine: "embedded", more: rules });
      const text = readFileSync(path, "utf8").replace(/^default: .*$/m, `default: { via: ${defaultVia} }`);
      writeFileSync(path, text.replace(/^dns: .*$/m, `dns: { servers: [${upstream}], via: direct, ${dns} }`));
      return path;
    }

    const inClient = (...argv: string[]) =>
      tryRun(["ip", "netns", "exec", judged().world.namespace("client"), ...argv]);

    async function sentByTunnel(): Promise<number> {
      const { stdout } = await inClient("ip", "-s", "-j", "link", "show", "dev", awg.device);
      return (JSON.parse(stdout) as { stats64: { tx: { packets: number } } }[])[0]?.stats64.tx.packets ?? 0;
    }

    /** Whether a program's first packets to a name are answered, and went through the tunnel. */
    async function pings(name: string): Promise<{ readonly answered: boolean; readonly byTunnel: boolean }> {
      const before = await sentByTunnel();
      const { status } = await inClient("ping", "-n", "-c", "3", "-i", "0.2", "-W", "2", name);
      return { answered: status === 0, byTunnel: (await sentByTunnel()) - before >= 3 };
    }

    /** Counts, from zero, queries that reach the internet: on the servers' paths, and astray. */
    async function countQueries(): Promise<void> {
      const rules = [
        `iifname "lan" ip daddr ${upstream} udp dport 53 counter name q_direct accept`,
        `iifname "vpn0" ip daddr ${inner} udp dport 53 counter name q_tunnel accept`,
        "udp dport 53 counter name q_astray",
      ];
      const chain = `chain c { type filter hook prerouting priority -400;\n${rules.join("\n")}\n}`;
      const table = `table ip asked {}\ndelete table ip asked\ntable ip asked {\n${["direct", "tunnel", "astray"].map((one) => `counter q_${one} {}`).join("\n")}\n${chain}\n}`;
      await judged().world.inside("internet", ["nft", "-f", "-"], table);
    }

    async function queries(): Promise<Readonly<Record<"direct" | "tunnel" | "astray", number>>> {
      const text = await judged().world.inside("internet", ["nft", "list", "counters", "table", "ip", "asked"]);
      const of = (name: string) => Number(new RegExp(`counter q_${name} \\{\\s*packets (\\d+)`).exec(text)?.[1]);
      return { direct: of("direct"), tunnel: of("tunnel"), astray: of("astray") };
    }

    const setsHold = async (address: string) =>
      (await inClient("nft", "list", "table", "inet", "awg")).stdout.includes(`${address} timeout`);

    test("S4.14: the first packet to a name of a rule takes its path, aliases too; other names take the default", async () => {
      const rules = `rules: [{ destinations: [{ domain: corp.example }], via: ${awg.tunnel} }]`;
      const path = config("direct", rules, "grace: 2s");
      await inClient(
        "sysctl",
        "-qw",
        "net.netfilter.nf_conntrack_icmp_timeout=2",
        "net.netfilter.nf_conntrack_icmpv6_timeout=2",
      );
      await awg.apply(path);
      expect(await pings("www.corp.example")).toEqual({ answered: true, byTunnel: true });
      expect(await setsHold(echo)).toBe(true);
      expect(await pings("six.corp.example")).toEqual({ answered: true, byTunnel: true });
      expect(await setsHold(place.v6.echo)).toBe(true);
      expect(await awg.must("explain", place.v6.echo)).toContain(`through tunnel ${awg.tunnel}`);
      expect(await awg.must("explain", "www.corp.example", "--resolve")).toContain(`through tunnel ${awg.tunnel}`);
      expect(await awg.must("explain", resolver)).not.toContain("through tunnel");
      expect(await pings("other.example")).toEqual({ answered: true, byTunnel: false });
      expect(await awg.run("diff", "-f", path)).toMatchObject({ status: 0 });
      expect(await awg.run("verify", "-f", path)).toMatchObject({ status: 0 });
      // A flow to it keeps the address for longer than TTL and grace.
      const client = judged().world.namespace("client");
      const flow = spawn("ip", ["netns", "exec", client, "ping", "-n", "-i", "0.5", "www.corp.example"], {
        stdio: "ignore",
      });
      await sleep(9000);
      expect(await setsHold(echo)).toBe(true);
      flow.kill("SIGKILL");
      await waitFor("the end of TTL and grace", async () => !(await setsHold(echo)));
      expect(await pings("alias.corp.example")).toEqual({ answered: true, byTunnel: true });
      await awg.apply(config("direct", rules, "grace: 5m"));
      expect(await pings("alias.corp.example")).toEqual({ answered: true, byTunnel: true });
      // Another policy is loaded, and what the sets hold stays.
      const blocking = rules.replace("[{", "[{ destinations: [203.0.113.77], via: block }, {");
      await awg.apply(config("direct", blocking, "grace: 5m"));
      expect(await setsHold(echo)).toBe(true);
    });

    test("S4.2: encrypted servers of the config are queried by their path, whatever blockEncryptedDns blocks", async () => {
      const certificate = makeCertificate(judged().world.folder, "DNS:dns.example");
      // An address of the table of public resolvers.
      await serveEncrypted(publicResolver, echo, certificate);
      const server = (protocol: string) =>
        `{ address: ${publicResolver}, protocol: ${protocol}, name: dns.example, ca: ${certificate.cert} }`;
      const path = config("direct", "", "");
      const dns = `dns: { servers: [${server("https")}], via: ${awg.tunnel}, blockEncryptedDns: true, split: { inner.example: [${server("tls")}] } }`;
      writeFileSync(path, readFileSync(path, "utf8").replace(/^dns: .*$/m, dns));
      await awg.apply(path);
      for (const name of ["www.example", "www.inner.example"]) {
        const before = await sentByTunnel();
        expect((await inClient("ping", "-n", "-c", "1", "-W", "2", name)).stdout).toContain(`(${echo})`);
        expect(await sentByTunnel()).toBeGreaterThan(before);
      }
      expect(await awg.run("diff", "-f", path)).toMatchObject({ status: 0 });
      expect(await awg.run("verify", "-f", path)).toMatchObject({ status: 0 });
      expect(await awg.must("status")).toContain(`https://${publicResolver} (dns.example)`);
    });

    test.skipIf(noClasses)(
      "S4.15: two copies of one program ask the same name, and each gets its path's answer",
      async () => {
        const { world } = judged();
        const copies = { direct: join(world.folder, "direct", "ping"), tunnel: join(world.folder, "tunnel", "ping") };
        for (const path of Object.values(copies)) {
          mkdirSync(dirname(path));
          copyFileSync("/usr/bin/ping", path);
        }
        const rules = [
          `{ apps: [{ path: ${copies.tunnel} }], via: ${awg.tunnel} }`,
          `{ destinations: [{ domain: rule.example }], via: ${awg.tunnel} }`,
        ];
        const path = config("direct", `rules: [${rules.join(", ")}]`, "");
        writeFileSync(path, readFileSync(path, "utf8").replace(/^ {4}peers:/m, `    dns: [${inner}]\n    peers:`));
        await awg.apply(path);
        const address = async (program: string, name: string) =>
          /\(([0-9.]+)\)/.exec((await inClient(program, "-4", "-n", "-c", "1", "-W", "2", name)).stdout)?.[1];
        await countQueries();
        for (const _ of Array.from({ length: 10 })) {
          expect(await address(copies.direct, "both.example")).toBe(echo);
          expect(await address(copies.tunnel, "both.example")).toBe(resolver);
        }
        // A query of one path that leaves by the other would be counted there; kept answers cost no query.
        const { direct, tunnel, astray } = await queries();
        expect([direct > 0, tunnel > 0, astray]).toEqual([true, true, 0]);
        expect(await address(copies.direct, "by.rule.example")).toBe(resolver);
        const explained = async (program: string) =>
          (await awg.must("explain", "--app", program, echo, "--trace")).replaceAll(/ +/g, " ");
        expect(await explained(copies.tunnel)).toContain(`dns ${inner}`);
        expect(await explained(copies.direct)).toContain(`dns ${upstream}`);
        expect(await awg.run("diff", "-f", path)).toMatchObject({ status: 0 });
        expect(await awg.run("verify", "-f", path)).toMatchObject({ status: 0 });
        // One source port, one program after the other: the answer is never that of the other's path.
        const ask = `use Socket; socket(my $s, AF_INET, SOCK_DGRAM, 17); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
bind($s, sockaddr_in(45000, inet_aton("127.0.0.1"))) or die;
send($s, pack("H*", "00010100000100000000000004626f7468076578616d706c650000010001"), 0, sockaddr_in(53, inet_aton("127.0.0.97")));
$SIG{ALRM} = sub { exit 1 }; alarm 3; recv($s, my $r, 512, 0); print join(".", unpack("C4", substr($r, -4)));`;
        for (const [name, expected] of [
          ["direct", echo],
          ["tunnel", resolver],
          ["direct", echo],
        ] as const) {
          const perl = join(world.folder, name, "ping");
          copyFileSync("/usr/bin/perl", `${perl}.new`);
          renameSync(`${perl}.new`, perl);
          await awg.apply(path);
          expect((await inClient(perl, "-e", ask)).stdout, name).toContain(expected);
        }
      },
    );

    test("S4.14: a dead resolver answers nothing and opens nothing, and is started again", async () => {
      const rules = `rules: [{ destinations: [{ domain: { exact: www.corp.example } }], via: direct }]`;
      const path = config(awg.tunnel, rules, `grace: 1s, split: { inner.example: [${inner}] }`);
      await awg.apply(path);
      expect(await pings("www.corp.example")).toEqual({ answered: true, byTunnel: false });
      expect(await pings("host.inner.example")).toMatchObject({ byTunnel: true });
      expect(await awg.run("verify", "-f", path)).toMatchObject({ status: 0 });
      const resolverPid = async () => (await awg.processes()).find(({ command }) => command.endsWith(" names"))?.pid;
      const first = await resolverPid();
      expect(first).toBeGreaterThan(0);
      const { stdout } = await tryRun(["grep", "-E", "^(Uid|CapEff)", `/proc/${first}/status`]);
      expect(stdout).toMatch(/^Uid:\s+65534\s.*\nCapEff:\s+0+\n$/);
      process.kill(first ?? 0, "SIGKILL");
      await waitFor("another resolver", async () => ![undefined, first].includes(await resolverPid()));
      await waitFor("an answer", async () => (await pings("www.corp.example")).answered);
      await awg.must("destroy", "--auto-approve");
      expect(await resolverPid()).toBe(undefined);
      expect(readFileSync(judged().world.resolvConf, "utf8")).not.toContain("127.0.0.97");
    });
  },
);
