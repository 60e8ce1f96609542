"""Writes numbers.json: what PyTorch's convolutions give with the changes that trainers make to them.

Each case has the tensors of an adapter's file, named by their leaves, and the layer's output with them, computed as the
trainer's own module does: LoCon runs its factors as convolutions one after another; LoHa and LoKr (LyCORIS) make the
difference and add it to the weight. Run with torch 2.6: python make.py > numbers.json
"""

import json

import torch
from torch.nn.functional import conv2d

torch.manual_seed(16)
torch.set_num_threads(1)
IN, OUT, K = 4, 4, 3


def some(*shape):
    # Eighths, which are short when they are written and exact in any precision.
    return torch.randint(-8, 9, shape) / 8


def flat(tensor):
    return [round(x, 5) for x in tensor.flatten().tolist()]


WEIGHT, BIAS, INPUT = some(OUT, IN, K, K), some(OUT), some(2, IN, 5, 4)


def case(name, tensors, alpha, rank, strength, stride, added):
    """`added` is what the trainer adds to the output, of the input, at scale 1."""
    plain = conv2d(INPUT, WEIGHT, BIAS, stride, 1)
    output = plain + strength * alpha / rank * added(stride)
    listed = lambda tensor: {"shape": list(tensor.shape), "values": flat(tensor)}
    tensors = {**tensors, "alpha": torch.tensor(float(alpha))}
    return {
        "name": name, "stride": stride, "strength": strength,
        "tensors": {leaf: listed(tensor) for leaf, tensor in tensors.items()}, "output": listed(output),
    }


def locon():
    down, up = some(2, IN, K, K), some(OUT, 2, 1, 1)
    added = lambda stride: conv2d(conv2d(INPUT, down, None, stride, 1), up)
    tensors = {"lora_down.weight": down, "lora_up.weight": up}
    return [case("LoCon", tensors, 3, 2, 0.8, stride, added) for stride in (1, 2)]


def locon_with_core():
    down, mid, up = some(3, IN, 1, 1), some(3, 3, K, K), some(OUT, 3, 1, 1)
    added = lambda stride: conv2d(conv2d(conv2d(INPUT, down), mid, None, stride, 1), up)
    tensors = {"lora_down.weight": down, "lora_mid.weight": mid, "lora_up.weight": up}
    return [case("LoCon with a core", tensors, 1, 3, 1.0, stride, added) for stride in (1, 2)]


def loha(rank):
    a, b, c, d = some(OUT, rank), some(rank, IN * K * K), some(OUT, rank), some(rank, IN * K * K)
    delta = ((a @ b) * (c @ d)).reshape(OUT, IN, K, K)
    added = lambda stride: conv2d(INPUT, delta, None, stride, 1)
    tensors = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d}
    return [case(f"LoHa of rank {rank}", tensors, 1, rank, 0.8, 2, added)]


def loha_with_cores():
    names = "hada_t1", "hada_w1_a", "hada_w1_b", "hada_t2", "hada_w2_a", "hada_w2_b"
    t1, a, b, t2, c, d = some(2, 2, K, K), some(2, OUT), some(2, IN), some(2, 2, K, K), some(2, OUT), some(2, IN)
    rebuild = lambda t, a, b: torch.einsum("i j k l, j r, i p -> p r k l", t, b, a)
    delta = rebuild(t1, a, b) * rebuild(t2, c, d)
    added = lambda stride: conv2d(INPUT, delta, None, stride, 1)
    return [case("LoHa with cores", dict(zip(names, (t1, a, b, t2, c, d))), 2, 2, 1.0, 1, added)]


def lokr():
    w1, a, b = some(2, 2), some(2, 2), some(2, 2 * K * K)
    w2 = (a @ b).reshape(2, 2, K, K)
    delta = torch.kron(w1[:, :, None, None], w2)
    added = lambda stride: conv2d(INPUT, delta, None, stride, 1)
    tensors = {"lokr_w1": w1, "lokr_w2_a": a, "lokr_w2_b": b}
    return [case("LoKr", tensors, 4, 2, 0.5, 2, added)]


cases = locon() + locon_with_core() + loha(1) + loha(2) + loha_with_cores() + lokr()
layer = {"in": IN, "out": OUT, "kernel": K, "weight": flat(WEIGHT), "bias": flat(BIAS)}
print(json.dumps({"layer": layer, "input": flat(INPUT), "input_shape": list(INPUT.shape), "cases": cases}, separators=(",", ":")))
