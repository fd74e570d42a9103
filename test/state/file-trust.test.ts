import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigReader } from "../../src/app/load/config-reader.ts";
import { readRegularFile } from "../../src/app/load/read-config-file.ts";
import { exposureOf, trustedOwners } from "../../src/state/file-trust.ts";
import { readSecretText } from "../../src/state/secret-source.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

const STRANGER = 65534;
/** Giving files away takes root. */
const isRoot = process.geteuid?.() === 0;
const ROOT_ALONE = new Set([0]);
const CONFIG = sampleConfig("default: { via: direct }\n");
const KEY = Buffer.alloc(32, 7).toString("base64");

interface Place {
  /** Below a folder of root's. */
  readonly folder: string;
  readonly file: string;
}

function placed(text = CONFIG): Place {
  const folder = join(temporaryFolder(), "etc");
  mkdirSync(folder, { mode: 0o755 });
  const file = join(folder, "config.yaml");
  writeFileSync(file, text, { mode: 0o600 });
  return { folder, file };
}

function modeAt(path: string, mode: number, uid = 0, gid = uid): void {
  chownSync(path, uid, gid);
  chmodSync(path, mode);
}

const REFUSED: Readonly<Record<string, readonly [(place: Place) => void, RegExp, RegExp]>> = {
  "a stranger's file": [({ file }) => modeAt(file, 0o600, STRANGER), /file belongs to uid 65534/, /chown root/],
  "a file of a group that is not its owner's own": [({ file }) => modeAt(file, 0o664, 0, 100), /group 100/, /go-w/],
  "a folder everybody can write to": [
    ({ folder }) => modeAt(folder, 0o777),
    /folder .*etc in the path of the file.*0777/,
    /go-w/,
  ],
  "a folder a group can write to": [({ folder }) => modeAt(folder, 0o775, 0, 100), /folder .*group 100/, /go-w/],
  "a stranger's folder": [
    ({ folder }) => modeAt(folder, 0o755, STRANGER),
    /folder .*belongs to uid 65534/,
    /chown root/,
  ],
  "a stranger's sticky folder": [({ folder }) => modeAt(folder, 0o1777, STRANGER), /belongs to uid 65534/, /chown/],
  "a stranger's link, where only its owner may change it": [
    ({ folder, file }) => {
      renameSync(file, `${file}.real`);
      symlinkSync("config.yaml.real", file);
      lchownSync(file, STRANGER, STRANGER);
      modeAt(folder, 0o1777);
    },
    /symbolic link .*config.yaml in the path of the file/,
    /chown -h root/,
  ],
  "a link through a folder everybody can write to": [
    ({ folder, file }) => {
      const open = join(folder, "open");
      mkdirSync(open);
      renameSync(file, join(open, "real.yaml"));
      symlinkSync("../etc/open/./real.yaml", file);
      modeAt(open, 0o777);
    },
    /folder .*open in the path of the file/,
    /go-w/,
  ],
};

describe.runIf(isRoot)("D5: which owners root trusts", () => {
  test.each(Object.entries(REFUSED))("not %s; the error says what to do", (_what, [expose, message, remedy]) => {
    const place = placed();
    const look = () => exposureOf(place.file, readFileOf(place.file), ROOT_ALONE);
    expect(look()).toBeUndefined();
    expose(place);
    expect(look()).toMatchObject({
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(remedy),
    });
  });

  test.each<[string, (place: Place) => void]>([
    [
      "a private group's, as a umask of 002 leaves them",
      ({ folder, file }) => [folder, file].map((at) => modeAt(at, 0o775)),
    ],
    ["root's in a sticky folder", ({ folder }) => modeAt(folder, 0o1777)],
    [
      "behind a link to a folder",
      ({ folder }) => {
        renameSync(folder, `${folder}.d`);
        symlinkSync(`${folder}.d`, folder);
      },
    ],
  ])("%s are accepted", (_what, prepare) => {
    const place = placed();
    prepare(place);
    expect(exposureOf(place.file, readFileOf(place.file), ROOT_ALONE)).toBeUndefined();
  });

  test("the user behind sudo is trusted, except in unattended runs; a name alone is not", () => {
    expect(trustedOwners({})).toEqual(ROOT_ALONE);
    expect(trustedOwners({ SUDO_UID: `${STRANGER}` })).toEqual(new Set([0, STRANGER]));
    expect(trustedOwners({ SUDO_UID: `${STRANGER}` }, true)).toEqual(ROOT_ALONE);
    for (const SUDO_UID of ["", "anna", "-1", "1e3", "0x1"]) expect(trustedOwners({ SUDO_UID })).toEqual(ROOT_ALONE);
  });

  const reader = (environment: NodeJS.ProcessEnv, allowInsecurePermissions = false, isUnattended = false) =>
    new ConfigReader(undefined, { host: { kind: "linux" }, environment, allowInsecurePermissions, isUnattended });

  test("a config and what it includes are refused with their place, unless that is allowed or sudo came from there", async () => {
    const { folder, file } = placed(`${CONFIG}include: [more.yaml]\n`);
    const more = join(folder, "more.yaml");
    writeFileSync(more, sampleConfig(""), { mode: 0o600 });
    const ids = async (config: ConfigReader) =>
      (await config.load([readRegularFile(file)])).problems.map(({ id, file: named }) => `${named} ${id}`);
    expect(await ids(reader({}))).toEqual([]);
    modeAt(more, 0o600, STRANGER);
    expect(await ids(reader({}))).toEqual([`${more} config-writable`]);
    modeAt(file, 0o600, STRANGER);
    expect(await ids(reader({}))).toEqual([`${file} config-writable`, `${more} config-writable`]);
    expect(await ids(reader({ SUDO_UID: `${STRANGER}` }))).toEqual([]);
    expect(await ids(reader({ SUDO_UID: `${STRANGER}` }, false, true))).toHaveLength(2);
    expect(await ids(reader({}, true))).toEqual([]);
  });

  test("an applied config is forgotten once others can change it", async () => {
    const { file } = placed();
    const loaded = await reader({}).load([readRegularFile(file)]);
    const known = { read: () => loaded, write: () => {} };
    const cached = new ConfigReader(known, {
      host: { kind: "linux" },
      environment: {},
      allowInsecurePermissions: false,
    });
    expect(await cached.load([readRegularFile(file)])).toBe(loaded);
    modeAt(file, 0o600, STRANGER);
    expect((await cached.load([readRegularFile(file)])).problems).toHaveLength(1);
  });

  test("a key is not read from a folder where another user could replace it", () => {
    const { folder, file } = placed(KEY);
    const read = (owners: ReadonlySet<number>, allowInsecurePermissions = false) =>
      readSecretText({ file }, { environment: {}, allowInsecurePermissions, owners });
    expect(read(ROOT_ALONE)).toBe(KEY);
    modeAt(folder, 0o777);
    expect(() => read(ROOT_ALONE)).toThrow(/cannot be trusted: the folder .*etc in the path of the file/);
    expect(read(ROOT_ALONE, true)).toBe(KEY);
    modeAt(folder, 0o700, STRANGER);
    modeAt(file, 0o600, STRANGER);
    expect(() => read(ROOT_ALONE)).toThrow(/belongs to uid 65534/);
    expect(read(new Set([0, STRANGER]))).toBe(KEY);
    expect(readFileSync(file, "utf8")).toBe(KEY);
  });
});

/** As the file that a link leads to is seen once it is open. */
function readFileOf(path: string) {
  const { uid = -1, gid = -1, mode = 0 } = readRegularFile(path);
  return { uid, gid, mode };
}
