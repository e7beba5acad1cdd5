"use strict";
// Sorts a table by the column whose heading is pressed, and hides the rows that do not hold the text of a filter.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const filter = table.closest(".card").querySelector("input.filter");
  const count = table.closest(".card").querySelector(".shown");
  table.querySelectorAll("th").forEach((heading, column) => {
    const button = heading.querySelector("button");
    button.addEventListener("click", () => {
      const ascending = heading.getAttribute("aria-sort") === "descending" ||
        (heading.getAttribute("aria-sort") === null && !heading.classList.contains("n"));
      table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const compare = heading.classList.contains("n")
        ? (a, b) => Number(key(a)) - Number(key(b))
        : (a, b) => key(a).localeCompare(key(b));
      const rows = [...body.rows].sort((a, b) => (ascending ? compare(a, b) : compare(b, a)));
      body.append(...rows);
    });
  });
  filter?.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    if (count) count.textContent = words.length ? `${shown} of ${body.rows.length}` : "";
  });
}
