import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../support/built-program.ts";
import { temporaryFolder } from "../support/folder.ts";

const program = useBuiltProgram();

const PRIVATE = "0Kh9rIuds+SCV+CVWEySUqFtt94Ie0UW0tnYlBBTH2w=";
const PSK = "54K4F7QrtjavH33tlW1e6jukHpHiaGjj6LZpKsiSqno=";
const CONF = `[Interface]
PrivateKey = ${PRIVATE}
Address = 10.8.0.2/32
PostUp = /usr/bin/true
DNS = 10.8.0.1
[Peer]
PublicKey = cnYlvDj/DHWpzeBGlCJNLo4EOaBNHj0A9xYv9h2XaDo=
PresharedKey = ${PSK}
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = 192.0.2.1:51820
`;

let folder = "";
const at = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = temporaryFolder("import");
  writeFileSync(at("wg0.conf"), CONF, { mode: 0o600 });
});

function awg(args: readonly string[], input = "") {
  const argv = ["--disable-warning=ExperimentalWarning", program(), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    encoding: "utf8",
    timeout: 60_000,
    cwd: folder,
    input,
  });
  for (const secret of [PRIVATE, PSK]) expect(stdout + stderr).not.toContain(secret);
  return { status, stdout, stderr };
}

describe("awg import", () => {
  test("writes a valid config and each secret beside it for the owner alone", () => {
    const { status, stdout, stderr } = awg(["import", "wg0.conf", "--out", "awg.yaml"]);
    expect([status, readdirSync(folder).sort()]).toEqual([0, ["awg.yaml", "wg0.conf", "wg0.key", "wg0.peer1.psk"]]);
    expect(stdout).toContain(at("awg.yaml"));
    expect(stderr).toContain("wg0.conf:4: note: PostUp is not imported: awg runs no scripts");
    expect(readFileSync(at("wg0.key"), "utf8")).toBe(`${PRIVATE}\n`);
    for (const name of ["awg.yaml", "wg0.key", "wg0.peer1.psk"]) expect(statSync(at(name)).mode & 0o777).toBe(0o600);
    expect(awg(["plan", "-f", "awg.yaml", "--host", "simulated"]).stdout).toContain("+ tunnel/wg0");
  });

  test("law 6: an existing file is neither replaced nor followed, and nothing else stays behind", () => {
    symlinkSync(at("elsewhere"), at("wg0.peer1.psk"));
    const { status, stderr } = awg(["import", "wg0.conf", "--out", "awg.yaml"]);
    expect([status, stderr]).toEqual([
      64,
      expect.stringContaining("wg0.peer1.psk exists already; nothing was written"),
    ]);
    expect(readdirSync(folder).sort()).toEqual(["wg0.conf", "wg0.peer1.psk"]);
    expect(existsSync(at("elsewhere"))).toBe(false);
  });

  test("a missing folder is made for the owner alone, and removed again if the import fails", () => {
    const made = awg(["import", "wg0.conf", "--out", at("new/awg.yaml")]);
    expect([made.status, made.stdout]).toEqual([0, expect.stringContaining(`Created the folder ${at("new")}\nWrote `)]);
    expect(statSync(at("new")).mode & 0o777).toBe(0o700);
    const failed = awg(["import", "wg0.conf", "--out", at("new/awg.yaml"), "--secrets-dir", at("keys")]);
    expect([failed.status, failed.stderr]).toEqual([64, expect.stringContaining("awg.yaml exists already")]);
    expect(existsSync(at("keys"))).toBe(false);
  });

  test("a folder for secrets that does not exist is named, with how to make it", () => {
    const { stderr } = awg(["import", "wg0.conf", "--out", "awg.yaml", "--secrets-dir", at("no/where")]);
    expect(stderr).toContain(`cannot write ${at("no/where")}/wg0.`);
    expect(stderr).toContain("its folder does not exist; nothing was written");
    expect(stderr).toContain(`mkdir -p -m 700 ${at("no/where")}`);
  });

  test("to standard output: nothing is written, and what refers to secrets says where they belong", () => {
    const { status, stdout, stderr } = awg(["import", "-", "--name", "home", "--secrets-dir", at("no/ne")], CONF);
    expect([status, stdout]).toEqual([3, ""]);
    expect(stderr).toContain("nothing was written");
    const printed = awg(["import", "-", "--name", "home"], CONF);
    expect(printed.stdout).toContain(`privateKey: { file: ${at("home.key")} }`);
    expect(printed.stderr).toContain("The keys were not written");
    expect(readdirSync(folder)).toEqual(["wg0.conf"]);
  });

  test("3: what is wrong is said by line, as a sentence, and nothing is written", () => {
    writeFileSync(at("bad.conf"), CONF.replace("Address", "Adress"));
    const { status, stdout, stderr } = awg(["import", "bad.conf", "--out", "awg.yaml"]);
    expect([status, stdout]).toEqual([3, ""]);
    expect(stderr).toContain('bad.conf:3: unknown key "Adress" in [Interface]; did you mean Address?');
    expect(readdirSync(folder).sort()).toEqual(["bad.conf", "wg0.conf"]);
  });

  test("law 3: imported, applied, exported and imported again, the machine is as the config says", () => {
    const machine = ["--host", `simulated:${at("machine.json")}`, "--state-dir", at("state")];
    expect(awg(["import", "wg0.conf", "--out", "awg.yaml"]).status).toBe(0);
    expect(awg(["apply", "-f", "awg.yaml", "--auto-approve", ...machine]).status).toBe(0);
    expect(awg(["export", "wg0", "-f", "awg.yaml", "--out", "again.conf", ...machine]).status).toBe(0);
    const again = ["import", "again.conf", "--name", "wg0", "--out", "again.yaml", "--secrets-dir", at("secrets")];
    mkdirSync(at("secrets"));
    expect(awg(again).status).toBe(0);
    expect(awg(["plan", "-f", "again.yaml", ...machine]).stdout).toContain("No changes");
  });

  test("--adopt: the device has the file's name, and the config lets it be taken over with its engine", () => {
    const { status, stdout } = awg(["import", "wg0.conf", "--adopt", "--name", "home"]);
    expect(status).toBe(0);
    for (const line of ["interface: wg0", "engine: userspace", "/link/home/device: adopt"])
      expect(stdout).toContain(line);
    for (const file of ["-", "notes.txt"]) expect(awg(["import", file, "--adopt"], CONF).status).toBe(64);
  });

  test.each([
    ["0644", "read"],
    ["0640", "read"],
    ["0666", "read and change"],
  ])(
    "law 8: keys out of a file of mode %s are said to be known to others, with what takes that from them",
    (mode, what) => {
      chmodSync(at("wg0.conf"), mode);
      const { status, stderr } = awg(["import", "wg0.conf", "--out", "awg.yaml"]);
      expect(status).toBe(0);
      expect(stderr).toContain(`wg0.conf: note: it contains keys, and other users can ${what} it (mode ${mode}); `);
      expect(stderr).toContain("run chmod 600 wg0.conf");
      expect(statSync(at("wg0.key")).mode & 0o777).toBe(0o600);
    },
  );

  test("law 8: a file that is its owner's alone, or holds no key, is imported without such a word", () => {
    writeFileSync(at("keyless.conf"), "[Interface]\n", { mode: 0o644 });
    expect(awg(["import", "keyless.conf"]).stderr).not.toContain("other users can");
    expect(awg(["import", "wg0.conf"]).stderr).not.toContain("other users can");
  });

  test("--json: one document", () => {
    const document = JSON.parse(awg(["import", "wg0.conf", "--json", "--out", "a.yaml"]).stdout) as object;
    expect(document).toMatchObject({
      formatVersion: "1",
      written: [at("wg0.peer1.psk"), at("wg0.key"), at("a.yaml")],
      findings: [{ severity: "note", place: "wg0.conf:4" }],
    });
  });

  test("64: without a file, with a link that others can see, or with a bootstrap server that is no address", () => {
    expect(awg(["import"]).status).toBe(64);
    const link = awg(["import", "vpn://AAAA"]);
    expect([link.status, link.stderr]).toEqual([64, expect.stringContaining("every user")]);
    expect(awg(["import", "wg0.conf", "--bootstrap", "dns.example"]).status).toBe(64);
  });
});
