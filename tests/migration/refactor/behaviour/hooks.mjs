// Lets node load a worker's tree as it is: the runtime's own modules are the shims, TypeScript resolves and strips itself.
import { readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const ts = createRequire(import.meta.url)('/usr/local/lib/node_modules/typescript');
const SHIMS = { 'bun:sqlite': 'bun-sqlite.ts', 'cloudflare:workers': 'cloudflare-workers.ts' };
const FALLBACK = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };
const options = new Map();
const tree = process.env.WORKER_TREE;

function optionsFor(file) {
  const folder = dirname(file);
  if (!options.has(folder)) {
    const config = file.startsWith(tree) ? ts.findConfigFile(folder, ts.sys.fileExists) : undefined;
    const parsed = config && ts.parseJsonConfigFileContent(ts.readConfigFile(config, ts.sys.readFile).config, ts.sys, dirname(config));
    options.set(folder, { ...FALLBACK, ...parsed?.options, moduleResolution: FALLBACK.moduleResolution, module: FALLBACK.module });
  }
  return options.get(folder);
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier in SHIMS) {
      return { url: pathToFileURL(join(HERE, 'shims', SHIMS[specifier])).href, shortCircuit: true };
    }
    const parent = context.parentURL?.startsWith('file:') ? fileURLToPath(context.parentURL) : undefined;
    if (parent?.startsWith(tree) && !specifier.startsWith('node:')) {
      const { resolvedModule } = ts.resolveModuleName(specifier, parent, optionsFor(parent), ts.sys);
      if (resolvedModule !== undefined) {
        const url = pathToFileURL(resolvedModule.resolvedFileName);
        url.search = new URL(context.parentURL).search; // a worker that is loaded anew has all of its modules anew
        return { url: url.href, shortCircuit: true };
      }
    }
    return next(specifier, context);
  },
  load(url, context, next) {
    if (!url.startsWith('file:') || !/\.(?:ts|html|sql|txt)(?:\?|$)/.test(url)) {
      return next(url, context);
    }
    const file = fileURLToPath(url);
    const text = readFileSync(file, 'utf8').replace(/^\ufeff/, '');
    if (!file.endsWith('.ts')) {
      return { format: 'module', source: `export default ${JSON.stringify(text)};`, shortCircuit: true };
    }
    const compilerOptions = { ...optionsFor(file), noEmit: false, inlineSourceMap: false, sourceMap: false, declaration: false };
    return { format: 'module', source: ts.transpileModule(text, { fileName: file, compilerOptions }).outputText, shortCircuit: true };
  },
});
