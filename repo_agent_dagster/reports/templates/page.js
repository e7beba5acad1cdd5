(() => {
  "use strict";
  document.documentElement.classList.add("live");

  // Columns sort by data-sort where a cell has it, else by its text; what is not known comes last both ways.
  const value = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
  function makeSortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      const numeric = head.classList.contains("n");
      button.addEventListener("click", () => {
        const descending = head.hasAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : numeric;
        const keyed = [...body.rows].map((row) => [value(row, column), row]);
        keyed.sort(([a], [b]) => {
          if (a === "" || b === "") return (a === "") - (b === "");
          const order = numeric ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0;
          return descending ? -order : order;
        });
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        body.append(...keyed.map(([, row]) => row));
      });
    });
  }
  document.querySelectorAll("table.sortable").forEach(makeSortable);

  // A long table is made when it is looked at: thousands of rows would make the page open slowly.
  for (const kept of document.querySelectorAll("noscript.later")) {
    kept.closest("details").addEventListener("toggle", () => {
      const made = document.createElement("div");
      made.innerHTML = kept.textContent;
      kept.replaceWith(made);
      made.querySelectorAll("table.sortable").forEach(makeSortable);
    }, { once: true });
  }

  // What a link points at may lie in something folded.
  const unfold = () => {
    const target = document.getElementById(location.hash.slice(1));
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target?.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();

  // The charts' script is packed; the page's policy runs it only if it is the one that the page was made with.
  const packed = document.getElementById("chart-runtime");
  if (!packed || !document.querySelector("figure[data-chart]")) return;
  const bytes = Uint8Array.from(atob(packed.textContent.trim()), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  new Response(unpacked).text().then((text) => {
    const script = document.createElement("script");
    script.type = "module"; // with names of its own
    script.textContent = text;
    document.body.append(script);
  });
})();
