"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const tools = document.querySelector(".tools");
  const search = tools.querySelector("input[type=search]");
  const boxes = all("input[type=checkbox]", tools);
  const cases = all(".case").map((node) => [node, node.dataset.t.toLowerCase()]);
  const ops = all("tr[data-t]").map((node) => [node, node.dataset.t.toLowerCase()]);
  const groups = all("details.op").map((node) => [node, node.open]);

  function show() {
    const text = search.value.trim().toLowerCase();
    const hidden = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
    for (const [node, t] of cases) node.hidden = !t.includes(text) || hidden.has(node.dataset.s);
    for (const [node, t] of ops) node.hidden = !t.includes(text);
    for (const [node, open] of groups) {
      node.hidden = !all(".case", node).some((item) => !item.hidden);
      node.open = text ? !node.hidden : open;
    }
    const left = cases.filter(([node]) => !node.hidden).length;
    tools.querySelector("output").textContent = `${left} of ${cases.length} listed cases`;
  }
  search.addEventListener("input", show);
  boxes.forEach((box) => box.addEventListener("change", show));

  function key(row, column) {
    const cell = row.cells[column];
    const value = parseFloat(cell.dataset.v);
    return Number.isNaN(value) ? cell.textContent : value;
  }
  for (const table of all("table.sort")) {
    const heads = all("thead th", table);
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = all("tbody tr", table).map((row) => [key(row, column), row]);
        rows.sort(([a], [b]) => (typeof a === typeof b ? (a > b) - (a < b) : typeof a === "string" ? 1 : -1));
        if (!up) rows.reverse();
        table.tBodies[0].append(...rows.map(([, row]) => row));
      });
    });
  }
  tools.hidden = false;
  show();
})();
