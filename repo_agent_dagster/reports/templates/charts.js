// Draws the page's charts. It is packed together with the parts of Vega that it names and with `specs`; see runtime.py.

const shown = JSON.parse(document.getElementById("chart-data").textContent);
const bubble = document.createElement("div");
bubble.className = "bubble";
bubble.hidden = true;
document.body.append(bubble);

// A page asks for nothing: not for data, and not for an image or a link that a text in the data might name.
const refused = () => Promise.reject(new Error("a report loads nothing"));
const loader = { load: refused, sanitize: refused, http: refused, file: refused };

function tell(_, event, __, value) {
  bubble.hidden = value == null || value === "";
  if (bubble.hidden) return;
  const told = typeof value === "object" ? Object.entries(value) : [["", value]];
  bubble.replaceChildren(
    ...told.map(([name, text]) => {
      const line = document.createElement("div");
      const label = document.createElement("b");
      label.textContent = name;
      line.append(label, ` ${text}`);
      return line;
    }),
  );
  const room = document.documentElement.clientWidth - bubble.offsetWidth - 8;
  bubble.style.left = `${Math.max(8, Math.min(event.clientX + 14, room))}px`;
  bubble.style.top = `${event.clientY + 16}px`;
}

for (const figure of document.querySelectorAll("figure[data-chart]")) {
  const { kind, data, says } = shown[figure.dataset.chart];
  const spec = structuredClone(specs[kind]);
  for (const table of spec.data) if (Object.hasOwn(data, table.name)) table.values = data[table.name];
  const view = new View(parse(spec, null, { ast: true }), {
    expr: expressionInterpreter,
    loader,
    renderer: "svg",
    container: figure.querySelector(".plot"),
    hover: true,
    logLevel: 1,
  });
  view.description(says).tooltip(tell);
  view.runAsync().then(
    () => figure.classList.add("drawn"),
    (problem) => {
      figure.hidden = true;
      console.error(`chart ${figure.dataset.chart}: ${problem.message}`);
    },
  );
}
