// A service binding: what a worker gets as `env.ORCHESTRATOR`. Calls are async, values are copied, errors lose their class.

/** Returns a binding to an entrypoint: only methods of its class can be called, as over Workers RPC. */
export function bindingTo(entrypoint: object): object {
  return new Proxy(Object.create(null) as object, {
    get: (_, name) => (name === 'then' || typeof name === 'symbol' ? undefined : (...args: unknown[]) => call(entrypoint, name, args)),
  });
}

async function call(entrypoint: object, name: string, args: unknown[]): Promise<unknown> {
  const method: unknown = Reflect.get(Object.getPrototypeOf(entrypoint) as object, name, entrypoint);
  if (typeof method !== 'function' || name === 'constructor') {
    throw new TypeError(`The RPC receiver does not implement the method "${name}".`);
  }
  const sent = args.map((argument, index) => copied(argument, `argument ${index + 1} of ${name}`));
  await new Promise((resolve) => setImmediate(resolve));
  try {
    return copied(await (method.apply(entrypoint, sent) as unknown), `result of ${name}`);
  } catch (error) {
    if (error instanceof Error) {
      const known = { TypeError, RangeError, SyntaxError, ReferenceError }[error.name] ?? Error;
      throw new known(error.message);
    }
    throw error;
  }
}

function copied(value: unknown, what: string): unknown {
  refuseInstances(value, what);
  return structuredClone(value);
}

/** Workers RPC copies plain data, but refuses instances of classes that are no RpcTarget. */
function refuseInstances(value: unknown, what: string): void {
  if (typeof value === 'function' || typeof value !== 'object' || value === null) {
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const builtIn = ArrayBuffer.isView(value) || [Date, Map, Set, RegExp, Error, ArrayBuffer].some((type) => value instanceof type);
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value) && !builtIn) {
    throw new DOMException(`Could not serialize object of type "${value.constructor.name}" (${what}).`, 'DataCloneError');
  }
  if (!builtIn) {
    Object.values(value).forEach((each) => refuseInstances(each, what));
  }
}
