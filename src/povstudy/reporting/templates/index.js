(() => {
  "use strict";
  const table = document.getElementById("reports");
  const measure = document.getElementById("measure");
  if (measure) {
    const maps = [...document.querySelectorAll(".measure")];
    const choose = () => maps.forEach((map) => { map.hidden = map.id !== measure.value; });
    measure.closest("[hidden]").hidden = false;
    measure.addEventListener("change", choose);
    choose();
  }
  if (!table) return;
  const form = document.getElementById("filters");
  const said = document.getElementById("shown");
  const body = table.tBodies[0];
  const plain = (text) => text.toLocaleLowerCase().replace(/đ/g, "d").normalize("NFD").replace(/\p{M}/gu, "");
  const rows = [...body.rows].map((row) => ({ row, text: plain(row.textContent) }));
  const selects = [...form.querySelectorAll("select")];
  const search = form.querySelector("input");
  const order = new Intl.Collator(document.documentElement.lang, { numeric: true });
  let sortedBy = "";

  const filter = () => {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    const wanted = selects.filter((one) => one.value).map((one) => [one.name, one.value]);
    let shown = 0;
    for (const { row, text } of rows) {
      const fits = words.every((word) => text.includes(word))
        && wanted.every(([name, value]) => row.dataset[name] === value);
      row.hidden = !fits;
      shown += fits;
    }
    const sentence = sortedBy ? said.dataset.sorted : said.dataset.shown;
    const values = { shown, all: rows.length, column: sortedBy };
    said.textContent = sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  };

  const sort = (head, place) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentElement.cells) {
      if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    }
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = ({ row }) => row.cells[place].dataset.key ?? row.cells[place].textContent.trim();
    const keyed = rows.map((one, index) => ({ ...one, index, key: key(one) }));
    keyed.sort((a, b) => (up ? 1 : -1) * order.compare(a.key, b.key) || a.index - b.index);
    body.append(...keyed.map((one) => one.row));
    sortedBy = head.textContent.trim();
    filter();
  };

  [...table.tHead.rows[0].cells].forEach((head, place) => {
    if (!head.hasAttribute("data-sort")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(head, place));
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
  });
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  form.hidden = false;
  filter();
})();
