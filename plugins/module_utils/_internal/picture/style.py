# SPDX-License-Identifier: GPL-3.0-or-later
"""How the picture looks: light, dark, and on paper. Pure."""
from __future__ import annotations

_LIGHT = ("--paper:#fff;--ink:#1c2530;--soft:#5b6775;--line:#b9c2cc;--box:#f4f6f8;--rail:#2f6f9f;--plug:#e8f1e4;"
          "--open:#3b7a2a;--arc:#8a5a00;--in:#0b62c4;--out:#8a2fa8;--bad:#c01c28;--badbox:#fdecec")
_DARK = ("--paper:#14181d;--ink:#e6eaef;--soft:#a3aebb;--line:#4b5662;--box:#20262d;--rail:#6db3e2;--plug:#1d2f1a;"
         "--open:#8fcf7a;--arc:#e0a63a;--in:#6fb1ff;--out:#d693ee;--bad:#ff7a80;--badbox:#3a1e20")

PICTURE = (
    f":root,svg{{{_LIGHT}}}@media(prefers-color-scheme:dark){{:root,svg{{{_DARK}}}}}"
    "svg{font:11px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;background:var(--paper)}"
    "svg text{fill:var(--soft)}svg .host{font-size:16px;font-weight:700;fill:var(--ink)}"
    ".edge{fill:none;stroke:var(--line);stroke-width:2}"
    ".net path{stroke:var(--rail);stroke-width:3;fill:none}.rail{font-size:12px}.net .rail{fill:var(--rail)}"
    ".net.other path{stroke:var(--line);stroke-dasharray:7 4}.net.other .rail{fill:var(--soft)}"
    ".net.down path{stroke-dasharray:2 4}"
    ".box rect{fill:var(--box);stroke:var(--line)}.box .n{font-size:12px;font-weight:700;fill:var(--ink)}"
    ".box.port rect,.box.pair rect{stroke-dasharray:4 3}.box.down rect{stroke-dasharray:2 3}"
    ".plug rect{fill:var(--plug);stroke:var(--open)}.plug text{fill:var(--ink)}"
    ".plug.inner rect{fill:var(--paper);stroke:var(--line);stroke-dasharray:4 3}"
    ".wire{stroke:var(--open);fill:none;opacity:.55}"
    ".arc{fill:none;stroke:var(--arc);stroke-width:1.5}.arc.same{stroke:var(--soft);stroke-dasharray:2 3}"
    ".arc.pair{stroke-dasharray:7 3}"
    ".bad rect{stroke:var(--bad);stroke-width:2.5;fill:var(--badbox)}.net.bad path{stroke:var(--bad)}"
    ".net.bad .rail,svg .sign{fill:var(--bad);font-weight:700}svg .sign{font-size:15px}")

PAGE = PICTURE + (
    "body{margin:0 auto;padding:16px 20px 40px;max-width:1200px;background:var(--paper);color:var(--ink);"
    "font:14px/1.45 system-ui,sans-serif}h1{font-size:20px;margin:0}h2{font-size:16px;margin:28px 0 8px}"
    "svg{width:100%;height:auto;display:block}.scroll{overflow-x:auto}.scroll svg{min-width:860px}"
    "header{display:flex;flex-wrap:wrap;gap:8px 20px;align-items:baseline}input{font:inherit;padding:4px 8px;"
    "color:inherit;background:var(--box);border:1px solid var(--line);border-radius:6px;min-width:20em}"
    ".key{color:var(--soft);margin:6px 0 0}.key b{font-weight:600}.key .i{color:var(--in)}.key .o{color:var(--out)}"
    ".key .b,.bad>h3,.bad>ul{color:var(--bad)}"
    "table{border-collapse:collapse;width:100%;font-size:13px}th,td{text-align:left;vertical-align:top;"
    "padding:4px 12px 4px 0;border-top:1px solid var(--line)}th{white-space:nowrap}td{overflow-wrap:break-word;"
    "max-width:26em}td:first-child{font-weight:600}"
    "td ul{margin:0;padding:0;list-style:none}h3{font-size:14px;margin:14px 0 4px}.list{margin:0;padding-left:18px;"
    "overflow-wrap:anywhere}"
    "#answer{position:sticky;bottom:0;margin-top:16px;max-height:32vh;overflow:auto;background:var(--box);"
    "border:1px solid var(--line);border-radius:8px;padding:8px 14px}#answer h2{margin:0 0 2px}"
    "#answer.full{display:grid;grid-template-columns:auto auto auto 2fr 2fr;gap:0 24px}"
    "@media(max-width:900px){#answer.full{display:block}}"
    "#answer h2{grid-column:1/-1}#answer h3{margin:4px 0 0}#answer ul{margin:0;padding:0;list-style:none;"
    "overflow-wrap:anywhere}"
    ".box[data-c]{cursor:pointer}.box:focus{outline:none}.box:focus-visible rect{stroke:var(--ink);stroke-width:3}"
    ".picked [data-c]:not(.me):not(.in):not(.out),.picked .arc:not(.me){opacity:.22}"
    ".me>rect{stroke:var(--ink);stroke-width:3}.in>rect{stroke:var(--in);stroke-width:3}"
    ".out>rect{stroke:var(--out);stroke-width:3;stroke-dasharray:6 3}.in.out>rect{stroke:var(--in);"
    "stroke-dasharray:12 3}.arc.me{stroke-width:3}.wire.me{opacity:1;stroke-width:2}"
    "svg .off{opacity:.12}.gone{display:none}"
    ":focus-visible{outline:2px solid var(--in);outline-offset:2px}"
    "@media print{:root,svg{" + _LIGHT + "}body{max-width:none;padding:0}#answer,.ask,.key{display:none}"
    "tr,h2,h3{break-inside:avoid}h2{break-after:avoid}.scroll svg{min-width:0}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}")
