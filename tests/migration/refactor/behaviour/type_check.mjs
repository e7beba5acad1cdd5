// Type-checks many trees in one process, strictly: node type_check.mjs FOLDER… prints a JSON object, folder → diagnostics.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const ts = createRequire(import.meta.url)('/usr/local/lib/node_modules/typescript');
const libraries = new Map();

function check(folder) {
  const file = join(folder, 'tsconfig.json');
  const config = ts.parseJsonConfigFileContent(ts.readConfigFile(file, ts.sys.readFile).config, ts.sys, folder, { strict: true, noEmit: true });
  const host = ts.createCompilerHost(config.options);
  const read = host.getSourceFile;
  // TypeScript's own declarations are the same for all trees, and most of the work.
  host.getSourceFile = (path, ...rest) => {
    if (!path.startsWith('/usr/local/lib/node_modules/typescript/')) {
      return read(path, ...rest);
    }
    if (!libraries.has(path)) {
      libraries.set(path, read(path, ...rest));
    }
    return libraries.get(path);
  };
  const program = ts.createProgram(config.fileNames, config.options, host);
  return [...config.errors, ...ts.getPreEmitDiagnostics(program)].map((found) => {
    const at = found.file && found.file.getLineAndCharacterOfPosition(found.start);
    const place = at ? `${found.file.fileName}:${at.line + 1}: ` : '';
    return `${place}TS${found.code} ${ts.flattenDiagnosticMessageText(found.messageText, ' ')}`;
  });
}

process.stdout.write(JSON.stringify(Object.fromEntries(process.argv.slice(2).map((folder) => [folder, check(folder)]))));
