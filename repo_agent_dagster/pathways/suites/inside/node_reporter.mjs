// A reporter of node:test that prints nothing: it writes each test's outcome as it happens.
import fs from "node:fs";
import path from "node:path";

const report = `${process.env.REPO_AGENT_REPORTS}/node-${process.pid}.jsonl`;
const isPartial = Boolean(process.env.REPO_AGENT_ONLY || process.env.REPO_AGENT_SHARD);
const write = (line) => fs.appendFileSync(report, `${JSON.stringify(line)}\n`);

function reason(error) {
  const cause = error?.cause ?? error;
  return String(cause?.message || (typeof cause === "string" ? cause : error?.message) || "");
}

export default async function* reporter(source) {
  const titles = [];
  for await (const { type, data } of source) {
    if (type === "test:start") {
      titles.length = data.nesting;
      titles.push(data.name);
    } else if (type === "test:pass" || type === "test:fail") {
      const isFile = data.nesting === 0 && data.file !== undefined && path.resolve(data.name) === data.file;
      const isGroup = data.details?.type === "suite";
      const failed = type === "test:fail" && data.todo === undefined;
      // A group speaks through its tests, unless it could not run them; a file that was left out says that it passed.
      if (isGroup && (!failed || data.details.error?.failureType === "subtestsFailed")) continue;
      if (isFile && isPartial && !failed) continue;
      const names = isFile ? [data.file] : [data.file, ...titles.slice(0, data.nesting), data.name];
      write({
        case: names.filter((name) => name !== undefined).join("::"),
        outcome: failed ? "failed" : data.skip !== undefined || data.todo !== undefined ? "skipped" : "passed",
        seconds: (data.details?.duration_ms ?? 0) / 1000,
        message: failed ? reason(data.details?.error) : "",
        container: failed && (isFile || isGroup),
      });
    } else if (type === "test:coverage") {
      const lines = (file) => Object.fromEntries(file.lines.map(({ line, count }) => [line, count]));
      const files = data.summary.files.filter((file) => !file.path.includes("/node_hook.cjs"));
      write({ coverage: Object.fromEntries(files.map((file) => [file.path, lines(file)])) });
    }
  }
  write({ ended: true });
  yield "";
}
