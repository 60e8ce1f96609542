#!/usr/bin/env python3
"""How the pictures of two methods differ, unit by unit, as a table in Markdown: what findings.md has its numbers from.

    python docs/evaluation/differ.py METHOD OTHER,OTHER FOLDER...     FOLDER is what `podium evaluate --out` was given
    python docs/evaluation/differ.py --each METHOD OTHER FOLDER...    each unit too

Numbers are METHOD less OTHER, on the same case, prompt and seed; in brackets in how many units METHOD is better and worse.
"Changed" is the share of pixels in which some channel differs by more than 8 of 255; "subjects" how many have more than 0.15 more,
and less, identity. Needs Pillow and numpy.
"""
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

# As src/plush/recognise.rs has them.
LEAKAGE, BORROWED = 0.1, 0.07

# From how much on a subject's identity is another one.
MOVED = 0.15

# What is measured of a record's subjects and of the whole, and whether more is better.
METRICS = {
    "right": (lambda made: float(made["right"]), True),
    "recognised": (lambda made: mean(made, lambda one: one["recognised"]), True),
    "SegSim": (lambda made: made["segsim"], True),
    "identity": (lambda made: mean(made, lambda one: one["identity"]), True),
    "leakage": (lambda made: mean(made, lambda one: one["leakage"] > LEAKAGE or one["borrowed"] >= BORROWED), False),
    "layout IoU": (lambda made: mean(made, lambda one: one["layout"]), True),
}


def mean(made, value):
    return float(np.mean([value(one) for one in made["subjects"]]))


def kind(case):
    names = [name.split()[-1] for name in case.split(" + ")]
    if len(names) > 2:
        return "triple"
    return "pairs of one kind" if len(set(names)) == 1 else "other pairs"


def units(folders, methods):
    """The measured units of these methods: (case, prompt, seed) to method to (what was made, picture)."""
    found = {}
    for folder in folders:
        for path in sorted(Path(folder, "units").glob("*.json")):
            record = json.loads(path.read_text())
            unit, made = record["unit"], record["outcome"].get("Made")
            if unit["method"] in methods and made and path.with_suffix(".png").exists():
                key = (unit["case"], unit["prompt"], unit["seed"])
                found.setdefault(key, {}).setdefault(unit["method"], (made, path.with_suffix(".png")))
    return {key: both for key, both in sorted(found.items()) if len(both) == len(methods)}


def changed(one, other):
    pixels = [np.asarray(Image.open(path).convert("RGB")).astype(int) for path in (one, other)]
    return float((np.abs(pixels[0] - pixels[1]).max(2) > 8).mean())


def main():
    words = sys.argv[1:]
    each = "--each" in words
    words = [word for word in words if word != "--each"]
    if len(words) < 3:
        sys.exit(__doc__)
    method, others = words[0], words[1].split(",")
    heads = ["", "pictures", "changed", *METRICS, "subjects"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for other in others:
        rows = []
        for key, both in units(words[2:], {method, other}).items():
            (one, seen), (two, shown) = both[method], both[other]
            values = {name: value(one) - value(two) for name, (value, _) in METRICS.items()}
            moved = [a["identity"] - b["identity"] for a, b in zip(one["subjects"], two["subjects"])]
            rows.append((key, changed(seen, shown), values, moved))
        for group in ["all", "pairs of one kind", "other pairs", "triple"]:
            chosen = [row for row in rows if group in ("all", kind(row[0][0]))]
            if not chosen:
                continue
            cells = [f"{other}, {group}", str(len(chosen)), f"{np.mean([row[1] for row in chosen]):.2f}"]
            for name, (_, more) in METRICS.items():
                all_of = np.array([row[2][name] for row in chosen]) + 0.0
                better, worse = (all_of > 1e-9).sum(), (all_of < -1e-9).sum()
                better, worse = (better, worse) if more else (worse, better)
                cells.append(f"{all_of.mean():+.3f} ({better}, {worse})")
            moved = np.concatenate([row[3] for row in chosen])
            cells.append(f"{(moved > MOVED).sum()}, {(moved < -MOVED).sum()} of {len(moved)}")
            print(f"| {' | '.join(cells)} |")
        for key, share, values, _ in rows if each else []:
            print("<!--", ", ".join(map(str, key)), f"changed {share:.2f}", *(f"{name} {value:+.2f}" for name, value in values.items()), "-->")


main()
