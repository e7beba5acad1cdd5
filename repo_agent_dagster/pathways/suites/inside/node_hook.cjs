// Loaded into every Node.js process of a test command (NODE_OPTIONS --require): it recognises the test runners by the
// program that is started, wherever in scripts that happens, and has them write a report of their own.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { createHash } = require("node:crypto");
const { isMainThread } = require("node:worker_threads");

const reports = process.env.REPO_AGENT_REPORTS;
const shard = process.env.REPO_AGENT_SHARD;
const only = process.env.REPO_AGENT_ONLY && JSON.parse(fs.readFileSync(process.env.REPO_AGENT_ONLY, "utf8"));
const files = only && [...new Set(only.map((id) => id.split("::")[0]))];
const root = process.env.REPO_AGENT_ROOT;

/** Whether a test file belongs to what is asked for. */
function asked(file) {
  const name = path.relative(root, file);
  if (files && !files.includes(name)) return false;
  if (!shard) return true;
  const [part, parts] = shard.split("/").map(Number);
  return (parseInt(createHash("sha256").update(name).digest("hex").slice(0, 8), 16) % parts) + 1 === part;
}

/** The program's path below node_modules, e.g. `jest/bin/jest.js`; empty for others. */
function program() {
  try {
    const real = fs.realpathSync(process.argv[1]);
    const at = real.lastIndexOf(`${path.sep}node_modules${path.sep}`);
    return at < 0 ? "" : real.slice(at + 14).split(path.sep).join("/");
  } catch {
    return "";
  }
}

function insert(at, ...words) {
  process.argv.splice(at, 0, ...words);
}

function without(names) {
  for (let at = 2; at < process.argv.length; at++) {
    if (names.includes(process.argv[at])) process.argv.splice(at--, 2);
    else if (names.some((name) => process.argv[at].startsWith(`${name}=`))) process.argv.splice(at--, 1);
  }
}

const measured = process.env.REPO_AGENT_COVERAGE === "1";
const paths = files ? files.map((name) => path.resolve(root, name)) : [];

const runners = {
  jest() {
    insert(2, "--json", `--outputFile=${reports}/jest-${process.pid}.json`);
    if (shard) insert(2, `--shard=${shard}`, "--passWithNoTests");
    if (measured) {
      insert(2, "--coverage", "--coverageReporters=lcovonly", `--coverageDirectory=${reports}/coverage-${process.pid}`);
    }
    process.argv.push(...paths);
  },
  vitest() {
    const at = ["run", "watch", "dev", "related"].includes(process.argv[2]) ? 3 : 2;
    if (process.argv[2] === "bench" || process.argv[2] === "list") return;
    const file = `${reports}/vitest-${process.pid}.json`;
    insert(at, "--reporter=default", "--reporter=json", `--outputFile.json=${file}`);
    if (shard) insert(at, `--shard=${shard}`, "--passWithNoTests");
    if (measured) {
      const folder = `${reports}/coverage-${process.pid}`;
      insert(at, "--coverage.enabled", "--coverage.reporter=lcovonly", `--coverage.reportsDirectory=${folder}`);
    }
    process.argv.push(...paths);
  },
  mocha() {
    without(["--reporter", "-R"]);
    insert(2, "--reporter", path.join(__dirname, "mocha_reporter.cjs"));
    if (shard || files) insert(2, "--require", path.join(__dirname, "mocha_selection.cjs"));
  },
  playwright() {
    if (process.argv[2] !== "test") return;
    without(["--reporter"]);
    process.env.PLAYWRIGHT_JUNIT_OUTPUT_FILE = `${reports}/playwright-${process.pid}.xml`;
    insert(3, "--reporter=list,junit");
    if (shard) insert(3, `--shard=${shard}`, "--pass-with-no-tests");
    process.argv.push(...paths);
  },
};

const entries = [
  [/^jest(-cli)?\/bin\/jest\.js$/, runners.jest],
  [/^vitest\/vitest\.mjs$/, runners.vitest],
  [/^mocha\/bin\/(_?mocha)(\.js)?$/, runners.mocha],
  [/^(@playwright\/test|playwright)\/cli\.js$/, runners.playwright],
];

// A runner's own child processes inherit the mark: they have their arguments from it.
if (isMainThread && reports && process.argv[1] && process.env.REPO_AGENT_HOOKED !== "1") {
  const name = program();
  const entry = entries.find(([pattern]) => pattern.test(name));
  if (entry) {
    process.env.REPO_AGENT_HOOKED = "1";
    entry[1]();
  }
}

// `node --test` runs each file in a process of its own.
if ((shard || files) && process.env.NODE_TEST_CONTEXT === "child-v8" && isMainThread && process.argv[1]) {
  if (!asked(path.resolve(process.argv[1]))) process.exit(0);
}

// Coverage is no option that the environment may set, so the runner starts itself again with it.
if (measured && isMainThread && process.execArgv.includes("--test") && !process.env.REPO_AGENT_COVERED) {
  const { spawnSync } = require("node:child_process");
  const words = ["--experimental-test-coverage", ...process.execArgv, ...process.argv.slice(1)];
  const done = spawnSync(process.execPath, words, {
    stdio: "inherit",
    env: { ...process.env, REPO_AGENT_COVERED: "1" },
  });
  process.exit(done.status ?? 1);
}

if (isMainThread && reports) require("./node_integrity.cjs");

module.exports = { asked };
