// A reporter of mocha: people see its `spec` reporter, and each test's outcome is written as it happens.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { asked } = require("./node_hook.cjs");

// Mocha as the program that runs has it, not as some folder might.
const base = path.dirname(path.dirname(fs.realpathSync(process.argv[1])));
const Mocha = require(base.endsWith(`${path.sep}lib`) ? path.dirname(base) : base);
const { Spec } = Mocha.reporters;

module.exports = class extends Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = `${process.env.REPO_AGENT_REPORTS}/mocha-${process.pid}.jsonl`;
    const write = (line) => fs.appendFileSync(file, `${JSON.stringify(line)}\n`);
    const chosen = (test) => !test.notAskedFor && (!test.file || asked(test.file));
    const told = (test, outcome, message = "") => {
      if (!chosen(test)) return;
      const titles = test.titlePath ? test.titlePath() : [test.fullTitle()];
      // A hook that fails speaks for the group that it was to prepare.
      const isHook = test.type === "hook";
      const id = [test.file, ...(isHook ? titles.slice(0, -1) : titles)].filter(Boolean).join("::");
      const seconds = test.duration === undefined ? null : test.duration / 1000;
      write({ case: id, outcome, seconds, message, container: isHook });
    };
    const count = (suite) =>
      suite.tests.filter(chosen).length + suite.suites.reduce((sum, inner) => sum + count(inner), 0);
    const isPartial = Boolean(process.env.REPO_AGENT_ONLY || process.env.REPO_AGENT_SHARD);
    runner.once("start", () => write({ collected: isPartial ? count(runner.suite) : runner.total }));
    runner.on("pass", (test) => told(test, "passed"));
    runner.on("pending", (test) => told(test, "skipped"));
    runner.on("fail", (test, error) => told(test, "failed", String((error && error.message) || error)));
    runner.once("end", () => write({ ended: true }));
  }
};
