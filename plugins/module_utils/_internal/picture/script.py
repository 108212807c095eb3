# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page does when somebody points at a container, or looks for one. Pure.

It decides nothing: who reaches whom stands in the page, as numbers of containers and as rows of the table.
"""
from __future__ import annotations

SCRIPT = """\
"use strict";
(() => {
  const all = (what, where = document) => [...where.querySelectorAll(what)];
  const drawn = all("svg [data-c]"), boxes = drawn.filter(each => each.matches(".box")), arcs = all("svg [data-a]");
  const rows = new Map(all("tr[data-r]").map(row => [row.dataset.r, row]));
  const answer = document.getElementById("answer"), rest = answer.textContent;
  const numbers = said => new Set((said || "").split(" ").filter(Boolean).flatMap(part => {
    const [first, last] = part.split("-").map(Number);
    return Array.from({length: (last === undefined ? first : last) - first + 1}, (_, more) => String(first + more));
  }));
  let pinned = null;

  const add = (name, text, into) => {
    const made = document.createElement(name);
    made.textContent = text;
    into.append(made);
    return made;
  };

  const say = row => {
    answer.replaceChildren();
    answer.classList.toggle("full", Boolean(row));
    if (!row) {
      answer.textContent = rest;
      return;
    }
    add("h2", row.cells[0].textContent, answer);
    const titles = [...row.closest("table").tHead.rows[0].cells].map(cell => cell.textContent);
    for (let cell = 1; cell < row.cells.length; cell += 1) {
      const texts = all("li", row.cells[cell]), part = add("div", "", answer);
      add("h3", titles[cell], part);
      const list = add("ul", "", part);
      for (const each of texts.length ? texts : [{textContent: "nothing"}]) add("li", each.textContent, list);
    }
  };

  const show = number => {
    const box = number === null ? null : boxes.find(each => each.dataset.c === number);
    const inward = numbers(box && box.dataset.in), outward = numbers(box && box.dataset.out);
    document.body.classList.toggle("picked", Boolean(box));
    for (const each of drawn) {
      const here = each.dataset.c, isBox = each.matches(".box");
      each.classList.toggle("me", here === number);
      each.classList.toggle("in", isBox && inward.has(here));
      each.classList.toggle("out", isBox && outward.has(here));
      if (isBox) each.setAttribute("aria-pressed", String(here === pinned));
    }
    for (const arc of arcs) arc.classList.toggle("me", arc.dataset.a.split(" ").includes(number));
    say(box && rows.get(number));
  };

  const pin = number => {
    pinned = pinned === number ? null : number;
    show(pinned);
  };

  for (const box of boxes) {
    const number = box.dataset.c;
    for (const [name, value] of [["tabindex", "0"], ["role", "button"], ["aria-pressed", "false"]]) {
      box.setAttribute(name, value);
    }
    box.addEventListener("pointerenter", event => {
      if (pinned === null && event.pointerType === "mouse") show(number);
    });
    box.addEventListener("pointerleave", () => {
      if (pinned === null) show(null);
    });
    box.addEventListener("focus", () => {
      if (pinned === null && box.matches(":focus-visible")) show(number);
    });
    box.addEventListener("blur", () => {
      if (pinned === null) show(null);
    });
    box.addEventListener("click", () => pin(number));
    box.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      pin(number);
    });
  }
  document.addEventListener("keydown", event => {
    if (event.key === "Escape" && pinned !== null) pin(pinned);
  });

  const asked = document.getElementById("asked"), count = document.getElementById("count");
  const sections = all("section.host");
  const look = () => {
    const words = asked.value.toLowerCase().split(/\\s+/).filter(Boolean), fitting = new Set();
    for (const [number, row] of rows) {
      const text = [...row.cells].slice(0, 4).map(cell => cell.textContent).join(" ").toLowerCase();
      const place = row.closest("section").querySelector("h2").textContent.toLowerCase();
      const fits = words.every(word => text.includes(word) || place.includes(word));
      row.classList.toggle("gone", !fits);
      if (fits) fitting.add(number);
    }
    for (const each of drawn) each.classList.toggle("off", !fitting.has(each.dataset.c));
    for (const each of sections) {
      each.classList.toggle("gone", words.length > 0 && !all("tr[data-r]:not(.gone)", each).length);
    }
    count.textContent = words.length ? `${fitting.size} of ${rows.size} containers` : "";
  };
  asked.addEventListener("input", look);
  look();
})();
"""
