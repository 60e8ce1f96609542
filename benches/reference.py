"""PyTorch's times for the network passes that `cargo bench` times, on the same weights and the same CPU.

Needs torch and diffusers; `cargo bench` runs it where they are there.
"""
import os
import sys
import time

try:
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
except ImportError as error:
    sys.exit(f"{error}")

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "assets", "miniature")


def median(run, times=10):
    run()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[times // 2] * 1000


torch.manual_seed(0)
unet = UNet2DConditionModel.from_pretrained(os.path.join(MODEL, "unet"), torch_dtype=torch.float32)
vae = AutoencoderKL.from_pretrained(os.path.join(MODEL, "vae"), torch_dtype=torch.float32)
width = unet.config.cross_attention_dim
print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, median of 10:")
for rows in (1, 2, 6):
    z, c = torch.randn(rows, 4, 32, 32), torch.randn(rows, 77, width)
    with torch.no_grad():
        print(f"  unet forward, rows {rows}: {median(lambda: unet(z, 501, c)):.1f} ms")


class Stop(Exception):
    pass


def pull(rows=3):
    """One layout gradient: keys of the 1st decoder self-attention, mean square to a target, back to the latent."""
    z, c = torch.randn(1, 4, 32, 32), torch.randn(rows, 77, width)
    keys = []

    def keep(_module, _input, output):
        keys.append(output)
        raise Stop

    hook = unet.up_blocks[1].attentions[0].transformer_blocks[0].attn1.to_k.register_forward_hook(keep)
    for p in unet.parameters():
        p.requires_grad_(False)

    def run():
        leaf = z.clone().requires_grad_()
        keys.clear()
        try:
            unet(leaf.expand(rows, -1, -1, -1), 501, c)
        except Stop:
            pass
        torch.autograd.grad(keys[0].square().mean((1, 2)).sum(), leaf)

    taken = median(run)
    hook.remove()
    return taken


print(f"  layout gradient, rows 3: {pull():.1f} ms")
with torch.no_grad():
    z = torch.randn(1, 4, 32, 32)
    print(f"  vae decode: {median(lambda: vae.decode(z)):.1f} ms")


def training(rows=4):
    """One step of the kit's own trainer: the loss, all gradients, the optimiser."""
    sys.path.insert(0, os.path.join(MODEL, "recipe"))
    import edlora
    from transformers import CLIPTextModel, CLIPTokenizer
    name = "mint_cat"
    first, second, *_ = edlora.words(name)
    words = CLIPTokenizer.from_pretrained(os.path.join(MODEL, "tokenizer"))
    text = CLIPTextModel.from_pretrained(os.path.join(MODEL, "text_encoder"), torch_dtype=torch.float32)
    net = UNet2DConditionModel.from_pretrained(os.path.join(MODEL, "unet"), torch_dtype=torch.float32)
    for p in [*text.parameters(), *net.parameters()]:
        p.requires_grad_(False)
    edlora.layerwise(net)
    table = text.text_model.embeddings.token_embedding.weight
    start = [words(w, add_special_tokens=False).input_ids[0] for w in ("toy", "cat")]
    new = torch.nn.Parameter(torch.stack([table[i].detach().clone().expand(16, -1) for i in start]).clone())
    layers = [*edlora.attach(text, ["CLIPAttention", "CLIPSdpaAttention"]).values(), *edlora.attach(net, ["Attention"]).values()]
    best = torch.optim.AdamW([new, *(p for layer in layers for p in layer.parameters())], lr=1e-4, weight_decay=0.01)
    z, n, t = torch.randn(rows, 4, 32, 32), torch.randn(rows, 4, 32, 32), torch.tensor([21, 333, 642, 901])
    mask = torch.cat([torch.ones(rows, 1, 32, 16), torch.zeros(rows, 1, 32, 16)], 3) + 0.15
    captions = [f"{first} {second} on the beach"] * rows

    def run():
        c = edlora.encode(words, text, captions, new, name)
        e = net(z + n, t, c).sample
        loss = (((e - n) ** 2 * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))).mean()
        best.zero_grad()
        loss.backward()
        best.step()

    return median(run)


try:
    print(f"  training step, rows 4: {training():.1f} ms")
except ImportError as error:
    print(f"  no training step: {error}")
