// Every stored pair: loaded when this part is first shown, filtered and sorted here.
(() => {
  const { data, absent, element, signed, make, get, set, load, changed } = angleBench;
  if (!element("pairs")) return;
  const alone = !element("tabs");
  const labels = data.paired;
  const step = 50;
  let shown = step;
  let found = [];
  let values = null;
  let wanted = "";

  const number = (id) => (element(id).value === "" ? null : Number(element(id).value));
  const fields = { p_task: "pair-task", p_text: "pair-text", p_low: "pair-low", p_high: "pair-high", p_seen: "pair-seen", p_sort: "pair-sort" };
  const select = (id, chosen) => { element(id).value = chosen; };

  // what two models give every pair, one after another
  const gather = (texts, model, base) => {
    const pairs = [];
    texts.parts.forEach((part, at) => {
      const [own, other] = [model[at], base[at]];
      if (!own || !other) return;
      for (let place = 0; place < part.count; place += 1) {
        const here = part.start + place;
        const marks = [own.seen, other.seen].filter(Boolean);
        pairs.push({
          task: part.subset === "default" ? part.task : `${part.task} ${part.subset}`, gold: texts.gold[here], text1: texts.text1[here], text2: texts.text2[here],
          model: own.scores[place], base: other.scores[place], moved: own.errors[place] - other.errors[place],
          seen: marks.length ? marks.some((each) => each[place]) : null,
        });
      }
    });
    return pairs;
  };

  const sorts = {
    moved: (a, b) => Math.abs(b.moved) - Math.abs(a.moved), better: (a, b) => a.moved - b.moved, worse: (a, b) => b.moved - a.moved,
    gold: (a, b) => b.gold - a.gold, base: (a, b) => b.base - a.base, model: (a, b) => b.model - a.model,
    length: (a, b) => b.text1.length + b.text2.length - a.text1.length - a.text2.length,
  };

  const filter = () => {
    const [task, seen, low, high] = [element("pair-task").value, element("pair-seen").value, number("pair-low"), number("pair-high")];
    const words = element("pair-text").value.toLowerCase();
    found = values.filter((pair) => (!task || pair.task === task)
      && (!seen || pair.seen === (seen === "1"))
      && (low === null || pair.gold >= low) && (high === null || pair.gold <= high)
      && (!words || pair.text1.toLowerCase().includes(words) || pair.text2.toLowerCase().includes(words)));
    found.sort(sorts[element("pair-sort").value] || sorts.moved);
    const mean = found.reduce((sum, pair) => sum + pair.moved, 0) / (found.length || 1);
    element("pair-count").textContent = `${found.length.toLocaleString("en")} of ${values.length.toLocaleString("en")} pairs${found.length ? `, mean change ${signed(mean, 2)}` : ""}`;
    draw();
  };

  const draw = () => {
    const lines = found.slice(0, shown).map((pair) => {
      const row = make("tr");
      const texts = make("td", undefined, { class: "texts" });
      texts.append(pair.text1, make("br"), pair.text2);
      const seen = pair.seen === null ? absent : pair.seen ? "seen" : "not seen";
      row.append(...[signed(pair.moved, 1), pair.task, String(pair.gold), pair.base.toFixed(3), pair.model.toFixed(3), seen].map((text, at) => make("td", text, [1, 5].includes(at) ? {} : { class: "number" })), texts);
      return row;
    });
    document.querySelector("#pair-table tbody").replaceChildren(...lines);
    element("pair-more").hidden = found.length <= shown;
  };

  const choose = () => {
    const base = labels.includes(get("base")) ? get("base") : data.rows && labels.includes(data.rows[data.base].label) ? data.rows[data.base].label : labels[0];
    const model = labels.includes(get("model")) && get("model") !== base ? get("model") : labels.find((label) => label !== base) || base;
    return [model, base];
  };

  const show = async () => {
    if (!alone && get("tab") !== "pairs") return;
    const [model, base] = choose();
    select("pair-model", model);
    select("pair-base", base);
    for (const [key, id] of Object.entries(fields)) if (id !== "pair-task" && document.activeElement !== element(id)) element(id).value = get(key) || (id === "pair-sort" ? "moved" : "");
    const asked = `${model}\n${base}`;
    try {
      if (asked !== wanted) {
        wanted = asked;
        element("pair-count").textContent = "Loading \u2026";
        const [texts, mine, theirs] = await Promise.all([load("pairs"), load(`pairs-${labels.indexOf(model)}`), load(`pairs-${labels.indexOf(base)}`)]);
        if (asked !== wanted) return;
        values = gather(texts, mine, theirs);
        const tasks = [...new Set(values.map((pair) => pair.task))];
        element("pair-task").replaceChildren(make("option", "all", { value: "" }), ...tasks.map((task) => make("option", task)));
      }
      if (!values) return;
      select("pair-task", get("p_task"));
      shown = step;
      filter();
    } catch (error) {
      element("pair-count").textContent = error.message;
    }
  };

  for (const id of ["pair-model", "pair-base"]) element(id).append(...labels.map((label) => make("option", label)));
  element("pair-filters").addEventListener("submit", (event) => event.preventDefault());
  element("pair-filters").addEventListener("input", (event) => {
    if (event.target.id === "pair-model") set({ model: event.target.value });
    else if (event.target.id === "pair-base") set({ base: event.target.value });
    else {
      const key = Object.keys(fields).find((each) => fields[each] === event.target.id);
      set({ [key]: event.target.value }, event.target.tagName === "SELECT");
    }
  });
  element("pair-more").addEventListener("click", () => {
    shown += 10 * step;
    draw();
  });
  changed(show);
  show();
})();
