// Finds module specifiers with TypeScript's own parser.
//
//   node compiler_specifiers.cjs TYPESCRIPT INPUT OUTPUT
//
// INPUT is JSON, {mocks: [name of a method of jest or vi, …], files: [[path, text], …]}. OUTPUT becomes base64 of
// deflated JSON, one entry for each file in their order: [[[form, start, end, kind], …], [[start, end, message], …]].
// Offsets are in UTF-16 units. A kind is "text" (the span is the specifier), or why it is none: "escapes", "template",
// "computed". What has a message is a syntax error.
"use strict";

const fs = require("node:fs");
const { deflateSync } = require("node:zlib");

const [typescript, input, output] = process.argv.slice(2);
const ts = require(typescript);
const Kind = ts.SyntaxKind;

const asked = JSON.parse(fs.readFileSync(input, "utf8"));
const MOCKS = new Set(asked.mocks);
const KINDS_OF_SCRIPT = {
  ".ts": ts.ScriptKind.TS, ".mts": ts.ScriptKind.TS, ".cts": ts.ScriptKind.TS, ".tsx": ts.ScriptKind.TSX,
  ".js": ts.ScriptKind.JS, ".mjs": ts.ScriptKind.JS, ".cjs": ts.ScriptKind.JS, ".jsx": ts.ScriptKind.JSX,
};
const MEMBERS_OF_REQUIRE = { __proto__: null, resolve: "require-resolve", context: "require-context" };
const MEMBERS_OF_IMPORT_META = { __proto__: null, resolve: "import-meta-resolve", glob: "import-meta-glob" };
const COMPUTED = new Set(["dynamic-import", "require", "require-resolve", "import-meta-resolve"]);

function read(path, text) {
  const ending = path.slice(path.lastIndexOf(".")).toLowerCase();
  const options = { languageVersion: ts.ScriptTarget.Latest, jsDocParsingMode: ts.JSDocParsingMode.ParseNone };
  const file = ts.createSourceFile(path, text, options, false, KINDS_OF_SCRIPT[ending]);
  const found = references(file, text);
  const open = [file];
  const add = (child) => { open.push(child); };
  while (open.length > 0) {
    const node = open.pop();
    const [source, form] = sourceOf(node) ?? [];
    if (form === "import-meta-glob" && source.kind === Kind.ArrayLiteralExpression) {
      for (const pattern of source.elements) keep(pattern, form, file, text, found);
    } else if (source !== undefined) {
      keep(source, form, file, text, found);
    }
    ts.forEachChild(node, add);
  }
  found.sort((one, other) => one[1] - other[1]);
  const errors = file.parseDiagnostics.map((error) => [
    error.start, error.start + error.length, ts.flattenDiagnosticMessageText(error.messageText, " "),
  ]);
  return [found, errors];
}

function references(file, text) {
  const of = (form) => (reference) => [form, reference.pos, reference.end, "text"];
  return [
    ...file.referencedFiles.map(of("reference-path")),
    ...file.typeReferenceDirectives.map(of("reference-types")),
  ].filter(([, start, end]) => start >= 0 && end > start && end <= text.length);
}

// Returns the expression that a node takes its module from, with the form, or undefined.
function sourceOf(node) {
  switch (node.kind) {
    case Kind.ImportDeclaration: {
      const clause = node.importClause;
      const form = clause === undefined ? "side-effect-import" : clause.isTypeOnly ? "import-type" : "import";
      return [node.moduleSpecifier, form];
    }
    case Kind.ExportDeclaration:
      return node.moduleSpecifier && [node.moduleSpecifier, "export-from"];
    case Kind.ExternalModuleReference:
      return node.expression && [node.expression, "import-require"];
    case Kind.ImportType:
      return node.argument.kind === Kind.LiteralType ? [node.argument.literal, "dynamic-import"] : undefined;
    case Kind.ModuleDeclaration:
      return node.name.kind === Kind.StringLiteral ? [node.name, "declare-module"] : undefined;
    case Kind.CallExpression: {
      const form = node.arguments.length > 0 ? formOfCall(node.expression) : undefined;
      return form && [node.arguments[0], form];
    }
    case Kind.NewExpression:
      return isUrl(node) ? [node.arguments[0], "url"] : undefined;
    default:
      return undefined;
  }
}

function formOfCall(called) {
  if (called.kind === Kind.ImportKeyword) return "dynamic-import";
  if (called.kind === Kind.Identifier) return called.text === "require" ? "require" : undefined;
  if (called.kind !== Kind.PropertyAccessExpression || called.name.kind !== Kind.Identifier) return undefined;
  const owner = called.expression;
  const member = called.name.text;
  if (owner.kind === Kind.Identifier && owner.text === "require") return MEMBERS_OF_REQUIRE[member];
  if (isImportMeta(owner)) return MEMBERS_OF_IMPORT_META[member];
  const mock = MOCKS.has(member) ? ownerOfMock(owner) : undefined;
  return mock && `${mock}.${member}`;
}

// Returns jest or vi, also at the root of a chain: jest.mock('./a').mock('./b').
function ownerOfMock(owner) {
  while (owner.kind === Kind.CallExpression || owner.kind === Kind.PropertyAccessExpression) owner = owner.expression;
  return owner.kind === Kind.Identifier && (owner.text === "jest" || owner.text === "vi") ? owner.text : undefined;
}

function isUrl(node) {
  const { expression, arguments: given } = node;
  if (expression.kind !== Kind.Identifier || expression.text !== "URL" || given?.length !== 2) return false;
  const base = given[1];
  return base.kind === Kind.PropertyAccessExpression && base.name.text === "url" && isImportMeta(base.expression);
}

function isImportMeta(node) {
  return node.kind === Kind.MetaProperty && node.keywordToken === Kind.ImportKeyword && node.name.text === "meta";
}

function keep(source, form, file, text, found) {
  const start = ts.skipTrivia(text, source.pos);
  const isText = source.kind === Kind.StringLiteral || source.kind === Kind.NoSubstitutionTemplateLiteral;
  if (isText) {
    const raw = text.slice(start + 1, source.end - 1);
    if (raw !== "") found.push([form, start + 1, source.end - 1, raw.includes("\\") ? "escapes" : "text"]);
  } else if (source.kind === Kind.TemplateExpression) {
    found.push([form, start, source.end, "template"]);
  } else if (COMPUTED.has(form)) {
    found.push([form, start, source.end, "computed"]);
  }
}

// A file nested too deeply for the parser must not keep the others from being read.
function readOrTell([path, text]) {
  try {
    return read(path, text);
  } catch (error) {
    return [[], [[0, Math.min(text.length, 80), `the parser failed: ${error.message}`]]];
  }
}

const all = asked.files.map(readOrTell);
fs.writeFileSync(output, deflateSync(Buffer.from(JSON.stringify(all))).toString("base64"));
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ bytes: fs.statSync(output).size, cpuSeconds: (user + system) / 1e6 }));
