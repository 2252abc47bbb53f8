"use strict";
// Searches and sorts the table of submissions. Text from the page is compared, never made markup.
{
  const table = document.getElementById("submissions");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const text = document.getElementById("text");
  const failing = document.getElementById("failing");
  const count = document.getElementById("count");
  const words = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

  const show = () => {
    const wanted = text.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fails = row.dataset.fails.split(" ");
      const fits = words.get(row).includes(wanted) && (failing.value === "" || fails.includes(failing.value));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    count.textContent = `${shown} of ${rows.length} ${rows.length === 1 ? "submission" : "submissions"} shown`;
  };
  text.addEventListener("input", show);
  failing.addEventListener("change", show);

  const names = new Intl.Collator("en", { numeric: true });
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const headings = Array.from(table.tHead.rows[0].cells);
  const sort = (column) => {
    const heading = headings[column];
    const isNumber = heading.dataset.sort === "number";
    const before = heading.getAttribute("aria-sort");
    // Numbers begin with the highest, names with the first.
    const first = isNumber ? "descending" : "ascending";
    const other = isNumber ? "ascending" : "descending";
    const order = before === first ? other : first;
    for (const cell of headings) cell.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const direction = order === "ascending" ? 1 : -1;
    const compare = (one, two) =>
      isNumber ? value(one, column) - value(two, column) : names.compare(value(one, column), value(two, column));
    rows.sort((one, two) => direction * compare(one, two));
    body.append(...rows);
  };
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sort(column));
    heading.replaceChildren(button);
  });
  headings[0].setAttribute("aria-sort", "ascending");
  document.getElementById("controls").hidden = false;
  // A browser may have kept what was typed before the page was loaded again.
  show();
}
