"use strict";
// What all parts of a page use: its values, the state in its address, files that are loaded later.
const angleBench = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const folder = document.currentScript && document.currentScript.dataset.folder;
  const minus = "\u2212";
  const absent = "\u2013";
  const element = (id) => document.getElementById(id);

  const signed = (value, decimals = data.decimals) => {
    const text = Math.abs(value).toFixed(decimals);
    if (Number(text) === 0) return text;
    return (value < 0 ? minus : "+") + text;
  };

  const make = (name, text, values = {}) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    return made;
  };

  // The state is what differs from the page as it was made; parts read it and are told of changes.
  const listeners = [];
  const read = () => new Map(new URLSearchParams(location.hash.slice(1)));
  let state = read();
  const address = () => {
    const text = new URLSearchParams([...state].filter(([, value]) => value !== "")).toString();
    return text ? `#${text}` : location.pathname + location.search;
  };
  const get = (key) => state.get(key) || "";
  const tell = () => listeners.forEach((each) => each());
  // `step` is a place that the back button returns to; typing in a field is none
  const set = (values, step = true) => {
    const before = address();
    for (const [key, value] of Object.entries(values)) state.set(key, String(value));
    if (address() === before) return;
    history[step ? "pushState" : "replaceState"](null, "", address());
    tell();
  };
  const back = () => {
    state = read();
    tell();
  };
  window.addEventListener("popstate", back);
  window.addEventListener("hashchange", back);

  // files beside the page are scripts that hand over compressed JSON; a single page has them inside
  const waiting = new Map();
  const kept = new Map();
  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };
  const put = (name, text) => waiting.get(name)(text);
  const load = (name) => {
    if (!kept.has(name)) {
      const inside = element(`packed-${name}`);
      const text = inside ? Promise.resolve(inside.textContent) : new Promise((resolve, reject) => {
        waiting.set(name, resolve);
        const script = make("script", undefined, { src: `${folder}/${name}.js` });
        script.onerror = () => reject(new Error(`${name}.js is not beside the page`));
        document.head.append(script);
      });
      kept.set(name, text.then(unpack));
    }
    return kept.get(name);
  };

  return { data, folder, absent, element, signed, make, get, set, tell, put, load, changed: (each) => listeners.push(each) };
})();
