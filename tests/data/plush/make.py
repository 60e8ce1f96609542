"""Draws what the tests of `src/plush` are compared with, by the recipe's own world.py and score.py (numpy, Pillow).

    python tests/data/plush/make.py          from the project's root; writes beside this file

N.json is the picture as Podium's `plush::picture::Picture` reads it, N.png what world.py draws of it, N.mask-I.png its masks,
scores.json what score.py says of some of them.
"""
import json, os, random, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.environ.get("RECIPE", os.path.join(HERE, "../../../assets/miniature/recipe")))
import numpy as np
from PIL import Image
import score, world


class Recorder(random.Random):
    """Keeps what it was asked for: each draw once, not those that one makes of another."""
    log, depth = None, 0

    def _kept(self, what, *a):
        self.depth += 1
        v = getattr(super(), what)(*a)
        self.depth -= 1
        if self.log is not None and not self.depth:
            self.log.append(v)
        return v

    def random(self): return self._kept("random")
    def uniform(self, *a): return self._kept("uniform", *a)
    def choice(self, *a): return self._kept("choice", *a)


def things(name, log):
    horizon, log = log[0], log[1:]
    take = lambda n: [log.pop(0) for _ in range(n)]
    if name == "beach":
        x, y, sail = take(3); t = dict(sun=[x, y], sail=sail)
    elif name == "snow":
        t = dict(firs=[take(2) for _ in range(3)], flakes=[take(3) for _ in range(24)])
    elif name == "meadow":
        t = dict(hill=take(1)[0], clouds=[take(2) for _ in range(2)], flowers=[take(3) for _ in range(14)])
    elif name == "desert":
        t = dict(mountain=take(1)[0], cacti=[take(3) for _ in range(2)])
    elif name == "night":
        houses = []
        while len(log) > 1:
            w, h, c = take(3); lit = [v < .55 for v in take(8)]
            houses.append(dict(width=w, height=h, color=c, lit=[lit[:4], lit[4:]]))
        t = dict(houses=houses, moon=take(1)[0])
    else:
        w, r = take(2); t = dict(window=w, rug=r)
    assert not log
    return dict(horizon=horizon, things=dict(setting=name, **t))


def record(draw):
    """What `draw` draws: (picture, caption, masks), and the description of it."""
    kept = {}
    scene, subject = world.draw_scene, world.draw_subject
    figures = []
    def draw_scene(name, rng):
        rng.log = []
        out = scene(name, rng)
        kept["scene"], rng.log = things(name, rng.log), None
        return out
    def draw_subject(d, m, look, cx, base, s, flip):
        n = world.SIZE * world.SS
        figures.append((look, dict(x=cx / n, foot=base / n, height=s / n, flip=flip)))
        return subject(d, m, look, cx, base, s, flip)
    def render(looks, names, phrase, rng, layout=None):
        kept["order"] = list(zip(looks, names))
        return whole(looks, names, phrase, rng, layout)
    whole = world.render
    world.draw_scene, world.draw_subject, world.render = draw_scene, draw_subject, render
    try:
        im, cap, masks = draw()
    finally:
        world.draw_scene, world.draw_subject, world.render = scene, subject, whole
    place = lambda look: next(p for l, p in figures if l is look)
    fs = [dict(name=n, look=l, place=place(l)) for l, n in kept["order"]]
    return im, masks if isinstance(masks, list) else [masks], dict(caption=cap, scene=kept["scene"], figures=fs)


C, phrases = world.CONCEPTS, list(world.SCENES)
def cast(looks, phrase, seed, layout=None):
    """`looks`: concepts' names, (kind, colour), or (kind,) for a toy."""
    rng = Recorder(seed)
    ls, ns = [], []
    for l in looks:
        if isinstance(l, str): ls.append(dict(C[l])); ns.append(l.replace("_", " "))
        elif len(l) == 2: ls.append(world.natural_look(*l, rng)); ns.append(f"{l[1]} {l[0]}")
        else: ls.append(world.toy_look(l[0], rng)); ns.append(f"toy {l[0]}")
    return lambda: world.render(ls, ns, phrase, rng, layout)


if __name__ == "__main__":
    pictures = [
        cast(["mint_cat"], phrases[0], 1),
        cast(["plum_dog", "coral_bear"], phrases[1], 2),
        cast(["lime_robot", ("teapot", "blue")], phrases[2], 3),
        cast([("rabbit", "white"), ("teapot",), ("cat", "orange")], phrases[3], 4),
        cast([("robot",), ("bear",), ("dog", "brown")], phrases[4], 5),
        cast([("rabbit",), ("cat",)], phrases[5], 6),
        cast(["mint_cat", "plum_dog"], phrases[3], 7, [(.42, .95, .62, True), (.6, .9, .55, False)]),
        cast(["mint_cat", "plum_dog", "coral_bear"], phrases[4], 8, [(.05, .9, .5, False), (.5, .8, .4, True), (.93, 1.02, .5, True)]),
        cast([("teapot",), ("teapot",)], phrases[0], 9),
        cast([("robot",), ("robot", "red"), ("rabbit",)], phrases[2], 10, [(.3, .8, .5, False), (.5, .85, .5, True), (.7, .9, .5, False)]),
    ]
    scores = []
    for i, p in enumerate(pictures):
        im, masks, told = record(p)
        im.save(f"{HERE}/{i}.png", optimize=True)
        for j, m in enumerate(masks):
            m.convert("1").save(f"{HERE}/{i}.mask-{j + 1}.png", optimize=True)
        json.dump(told, open(f"{HERE}/{i}.json", "w"))
        own = [f["name"].replace(" ", "_") for f in told["figures"]]
        asked = [o for o in own if o in C]
        ms = [np.asarray(m) > 0 for m, o in zip(masks, own) if o in C]
        if asked:
            scores.append(dict(picture=i, concepts=asked, masks=[j + 1 for j, o in enumerate(own) if o in C], **score.picture(np.asarray(im), asked, ms)))
        if len(asked) == 2:  # the wrong way round, so that there is something to find
            scores.append(dict(picture=i, concepts=asked[::-1], masks=[1, 2], **score.picture(np.asarray(im), asked[::-1], ms)))
    json.dump(scores, open(f"{HERE}/scores.json", "w"), indent=1)

