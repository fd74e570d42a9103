import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
      await serve(upstream, [
        ...names,
        "--cname=alias.corp.example,far.example",
        `--host-record=far.example,${echo},1`,
      ]);
      await serve(inner, [`--host-record=host.inner.example,${resolver},1`]);
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

    const setsHold = async (address: string) =>
      (await inClient("nft", "list", "table", "inet", "awg")).stdout.includes(`${address} timeout`);

    test("S4.14: the first packet to a name of a rule takes its path, aliases too; other names take the default", async () => {
      const rules = `rules: [{ destinations: [{ domain: corp.example }], via: ${awg.tunnel} }]`;
      const path = config("direct", rules, "grace: 4s");
      await awg.apply(path);
      expect(await pings("www.corp.example")).toEqual({ answered: true, byTunnel: true });
      expect(await setsHold(echo)).toBe(true);
      expect(await pings("six.corp.example")).toEqual({ answered: true, byTunnel: true });
      expect(await setsHold(place.v6.echo)).toBe(true);
      expect(await awg.must("explain", place.v6.echo)).toContain(`through tunnel ${awg.tunnel}`);
      expect(await awg.must("explain", resolver)).not.toContain("through tunnel");
      expect(await pings("other.example")).toEqual({ answered: true, byTunnel: false });
      expect(await awg.run("diff", "-f", path)).toMatchObject({ status: 0 });
      expect(await awg.run("verify", "-f", path)).toMatchObject({ status: 0 });
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
