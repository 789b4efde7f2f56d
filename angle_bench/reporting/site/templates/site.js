"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const body = document.querySelector("#scores tbody");
  const rows = [...body.rows];
  const headers = [...document.querySelectorAll("#scores thead th")];
  const minus = "\u2212";
  let base = data.base;

  const signed = (value) => {
    const text = Math.abs(value).toFixed(data.decimals);
    if (Number(text) === 0) return text;
    return (value < 0 ? minus : "+") + text;
  };

  const difference = (row, key) => {
    const mine = data.rows[row].scores[key];
    const theirs = data.rows[base].scores[key];
    return mine === null || theirs === null ? null : mine - theirs;
  };

  // sorting: rows without a value stay last, whichever way the others go
  const sortBy = (header) => {
    const at = header.cellIndex;
    const words = header.textContent.trim() === "model";
    const before = header.getAttribute("aria-sort");
    const down = before === "none" ? !words : before === "ascending";
    for (const each of headers) if (each.hasAttribute("aria-sort")) each.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => row.cells[at].dataset.sort;
    rows.sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === "" || b === "") return (a === "") - (b === "");
      const order = words ? a.localeCompare(b) : Number(a) - Number(b);
      return down ? -order : order;
    });
    body.append(...rows);
  };

  const visible = () => rows.filter((row) => !row.hidden).map((row) => Number(row.dataset.row)).sort((a, b) => a - b);

  const filter = () => {
    const words = document.getElementById("search").value.toLowerCase().split(",").map((word) => word.trim()).filter(Boolean);
    const ticked = document.getElementById("ticked").checked;
    const complete = document.getElementById("complete").checked;
    for (const row of rows) {
      const label = data.rows[row.dataset.row].label.toLowerCase();
      const found = !words.length || words.some((word) => label.includes(word));
      const whole = data.rows[row.dataset.row].scores[data.headline] !== null;
      row.hidden = !(found && (!ticked || row.querySelector(".tick").checked) && (!complete || whole));
    }
    const count = visible().length;
    document.getElementById("count").textContent = `${count} of ${rows.length} models`;
    forest();
  };

  const choose = (row) => {
    base = row;
    for (const each of rows) {
      const cell = each.querySelector(".difference");
      const found = Number(each.dataset.row) === base ? null : difference(Number(each.dataset.row), data.headline);
      cell.textContent = found === null ? (Number(each.dataset.row) === base ? "base" : "\u2013") : signed(found);
      cell.dataset.sort = found === null ? "" : found;
    }
    for (const name of document.querySelectorAll(".base-name")) name.textContent = data.rows[base].label;
    const verdicts = [...document.querySelectorAll(".verdict")];
    for (const each of verdicts) each.hidden = Number(each.dataset.base) !== base;
    if (verdicts.length) document.getElementById("no-verdict").hidden = verdicts.some((each) => !each.hidden);
    forest();
    curves();
  };

  const points = () => {
    const header = Object.fromEntries(data.columns.map((column) => [column.key, column.header]));
    const found = [];
    for (const row of visible()) {
      if (row === base) continue;
      for (const key of data.plotted) {
        const value = difference(row, key);
        if (value === null) continue;
        const ends = ((data.intervals[base] || {})[row] || {})[key];
        const said = ends ? `${signed(value)} [${signed(ends[0])}, ${signed(ends[1])}]` : signed(value);
        const label = data.rows[row].label;
        found.push({
          order: row, model: label, task: header[key], difference: value, low: ends ? ends[0] : value, high: ends ? ends[1] : value,
          paired: Boolean(ends), said: `${label}, ${header[key]}: ${said}`,
        });
      }
    }
    return found;
  };

  const config = {
    background: null, font: "system-ui, sans-serif", view: { stroke: null },
    axis: { labelColor: "currentColor", titleColor: "currentColor", domainColor: "currentColor", tickColor: "currentColor", gridColor: "rgba(128,128,128,.3)", labelFontSize: 12 },
    header: { labelColor: "currentColor", labelFontSize: 13, labelFontWeight: 600, labelLimit: 320 },
    legend: { labelColor: "currentColor", titleColor: "currentColor", labelFontSize: 12 },
    title: { color: "currentColor" },
  };
  // ast: expressions are interpreted, since the page's policy allows no code made from text
  const options = { actions: false, renderer: "svg", config, ast: true, defaultStyle: false, tooltip: { disableDefaultStyle: true } };

  const forest = () => {
    const place = document.getElementById("forest");
    const values = points();
    if (!values.length) {
      place.textContent = "Nothing to compare.";
      return;
    }
    const width = Math.max(120, Math.min(720, place.clientWidth - 150));
    const y = { field: "task", type: "nominal", sort: null, title: null, axis: { labelLimit: 110, grid: false } };
    const ink = { value: "currentColor" };
    const spec = {
      data: { values },
      facet: { row: { field: "model", type: "nominal", sort: { field: "order", op: "min" }, title: null, header: { labelAngle: 0, labelAnchor: "start", labelAlign: "left", labelOrient: "top" } } },
      spacing: 14,
      spec: {
        width, height: { step: 18 },
        layer: [
          { mark: { type: "rule", strokeDash: [3, 3], aria: false }, encoding: { x: { datum: 0 }, color: ink } },
          { mark: { type: "rule", aria: false }, encoding: { y, x: { field: "low", type: "quantitative", title: `difference to ${data.rows[base].label}` }, x2: { field: "high" }, color: ink } },
          {
            mark: { type: "point", size: 50, strokeWidth: 1.5 },
            encoding: {
              y, x: { field: "difference", type: "quantitative" }, stroke: ink,
              fill: { condition: { test: "datum.paired", value: "currentColor" }, value: "transparent" },
              fillOpacity: { condition: { test: "datum.paired", value: 1 }, value: 0 },
              description: { field: "said" }, tooltip: { field: "said" },
            },
          },
        ],
      },
      resolve: { scale: { y: "independent" } },
    };
    vegaEmbed(place, spec, options);
  };

  const heat = (place) => {
    const values = data.grids[place.dataset.grid].filter((each) => each.score !== null);
    const number = (a) => (a === "last" || a === "all" ? Infinity : Number(a));
    const inOrder = (key) => [...new Set(values.map((each) => each[key]))].sort((a, b) => number(a) - number(b));
    const width = Math.max(120, Math.min(560, place.clientWidth - 110));
    const x = { field: "size", type: "ordinal", sort: inOrder("size"), axis: { labelAngle: 0, orient: "top" } };
    const y = { field: "layer", type: "ordinal", sort: inOrder("layer") };
    const scores = values.map((each) => each.score);
    const middle = (Math.min(...scores) + Math.max(...scores)) / 2;
    vegaEmbed(place, {
      data: { values }, width, height: { step: 32 },
      layer: [
        { mark: "rect", encoding: { x, y, color: { field: "score", type: "quantitative", scale: { scheme: "blues" }, legend: null } } },
        { mark: "text", encoding: { x, y, text: { field: "score", format: `.${data.decimals}f` }, color: { condition: { test: `datum.score > ${middle}`, value: "white" }, value: "black" } } },
      ],
    }, options);
  };

  const curves = () => {
    const place = document.querySelector(".curve");
    if (!place) return;
    const header = data.columns.find((column) => column.key === data.headline).header;
    const values = data.curves.flatMap(({ training, points }) =>
      points.filter((point) => point.score !== null).map((point) => ({
        ...point, training, said: `${training}, step ${point.step}: ${point.score.toFixed(data.decimals)}${point.best ? ", the best" : ""}`,
      })));
    const limit = data.rows[base].scores[data.headline];
    const ruled = limit !== null && !data.curves.some((each) => each.rows.includes(base));
    document.querySelector("#curves .limit").hidden = !ruled;
    const x = { field: "step", type: "quantitative", title: "step", scale: { zero: true }, axis: { tickMinStep: 1, format: ",d" } };
    const y = { field: "score", type: "quantitative", title: header, scale: { zero: false } };
    const domain = data.curves.map((each) => each.training);
    const width = Math.max(120, Math.min(720, place.clientWidth - 80));
    const legend = { orient: "top", labelLimit: 220, columns: Math.max(1, Math.floor(width / 240)) };
    const color = { field: "training", type: "nominal", scale: { domain }, title: null, legend };
    const shape = { field: "training", type: "nominal", scale: { domain }, title: null, legend };
    const said = { description: { field: "said" }, tooltip: { field: "said" } };
    vegaEmbed(place, {
      data: { values }, width, height: 280,
      layer: [
        { mark: { type: "line", strokeWidth: 1.5, aria: false }, encoding: { x, y, color } },
        { mark: { type: "point", size: 70, strokeWidth: 1.5 }, encoding: { x, y, color, shape, ...said } },
        { transform: [{ filter: "datum.best" }], mark: { type: "point", size: 70, filled: true, aria: false }, encoding: { x, y, color, shape, tooltip: said.tooltip } },
        ...(ruled ? [{ data: { values: [{}] }, mark: { type: "rule", strokeDash: [3, 3], aria: false }, encoding: { y: { datum: limit }, color: { value: "currentColor" } } }] : []),
      ],
    }, options);
  };

  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const header of headers) header.querySelector("button")?.addEventListener("click", () => sortBy(header));
  for (const name of ["search", "ticked", "complete"]) document.getElementById(name).addEventListener("input", filter);
  for (const row of rows) {
    row.querySelector("input[name=base]").addEventListener("change", () => choose(Number(row.dataset.row)));
    row.querySelector(".tick").addEventListener("change", filter);
  }
  let width = window.innerWidth;
  const draw = () => {
    forest();
    curves();
    document.querySelectorAll(".heat").forEach(heat);
  };
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) {
      width = window.innerWidth;
      draw();
    }
  });
  choose(base);
  document.querySelectorAll(".heat").forEach(heat);
})();
