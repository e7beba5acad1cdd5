// Tells at a process's end which of Node.js's own assertions were changed in it: code under test shares them with its
// tests. Code that puts them back before the end is not found.
"use strict";
const assert = require("node:assert");
const fs = require("node:fs");

const reports = process.env.REPO_AGENT_REPORTS;
const append = fs.appendFileSync;
const holders = { assert, "assert.strict": assert.strict };

function functions() {
  const found = new Map();
  for (const [name, holder] of Object.entries(holders)) {
    for (const [key, value] of Object.entries(holder)) {
      if (typeof value === "function") found.set(`${name}.${key}`, value);
    }
  }
  return found;
}

const known = functions();
process.on("exit", () => {
  const now = functions();
  const changed = [...known.keys()].filter((name) => now.get(name) !== known.get(name));
  if (changed.length === 0) return;
  const line = JSON.stringify({ runner: changed.map((name) => `changed node:${name}`) });
  append(`${reports}/runner-${process.pid}.jsonl`, `${line}\n`);
});
