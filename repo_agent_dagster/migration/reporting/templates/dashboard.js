(() => {
  "use strict";
  const table = document.getElementById("units");
  if (!table) return;
  document.documentElement.classList.add("live");
  const bodies = [...table.tBodies].filter((body) => body.dataset.group);
  const nothing = document.getElementById("nothing");
  const search = document.getElementById("search");
  const shown = document.getElementById("shown");
  const chips = [...document.querySelectorAll("button[data-group]")];
  const heads = [...table.tHead.rows[0].cells];
  let group = "";

  const value = (body, column) => body.rows[0].cells[column].dataset.sort ?? body.rows[0].cells[column].textContent;

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const body of bodies) {
      const text = body.textContent.toLowerCase();
      const fits = (!group || body.dataset.group === group) && words.every((word) => text.includes(word));
      body.hidden = !fits;
      count += fits ? 1 : 0;
    }
    nothing.hidden = count > 0;
    const visible = [...table.tBodies].filter((body) => !body.hidden);
    visible.forEach((body, index) => body.classList.toggle("last", index === visible.length - 1));
    shown.textContent = `${count} of ${bodies.length} shown`;
    const state = new URLSearchParams();
    if (search.value) state.set("q", search.value);
    if (group) state.set("show", group);
    history.replaceState(null, "", state.size ? `#${state}` : location.pathname + location.search);
  }

  function choose(name) {
    group = name;
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.group === group));
    filter();
  }

  function sort(column, descending) {
    const numeric = heads[column].classList.contains("n");
    // What is not known comes last, whichever way the rest goes.
    const compare = (one, two) => {
      const [a, b] = [value(one, column), value(two, column)];
      if (a === "" || b === "") return (a === "") - (b === "");
      const order = numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true });
      return descending ? -order : order;
    };
    heads.forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    bodies.sort(compare).forEach((body) => table.insertBefore(body, nothing));
    filter();
  }

  heads.forEach((head, column) => {
    head.querySelector("button")?.addEventListener("click", () => {
      sort(column, head.getAttribute("aria-sort") === "ascending");
    });
  });
  chips.forEach((chip) => chip.addEventListener("click", () => choose(chip.dataset.group === group ? "" : chip.dataset.group)));
  search.addEventListener("input", filter);
  const state = new URLSearchParams(location.hash.slice(1));
  search.value = state.get("q") ?? "";
  const wanted = state.get("show") ?? "";
  choose(chips.some((chip) => chip.dataset.group === wanted) ? wanted : "");
})();
