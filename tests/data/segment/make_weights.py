"""Makes what the tests of Segment Anything's own weights are compared with: small networks of random numbers as transformers, SAM's
authors and MobileSAM's write them, and what PyTorch gives for a photo.

    MOBILE_SAM=... python tests/data/segment/make_weights.py      from the project's root; writes beside this file

torch 2.15, numpy, Pillow, safetensors, transformers 5.24. MOBILE_SAM names a checkout of ChaoningZhang/MobileSAM, which has SAM's
own code too, unchanged. The numbers are rounded to half precision, in which they are stored, and computed with in single precision.

`weights/` is a folder as transformers writes it, `weights.pth` the same numbers by the authors' names, loaded by their code;
`mobile.pt` is MobileSAM with its TinyViT at the 1024 pixels that it has. weights.json says which photo and prompts;
weights-NAME.png has the masks one below the other, weights-logits.safetensors the low-resolution logits (MobileSAM's: every eighth).
"""
import json, os, sys, types

HERE = os.path.dirname(os.path.abspath(__file__))
import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional as F
from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig
import transformers.models.sam.modeling_sam


def stand_in(name, **what):
    """A module that is asked for and not needed."""
    module = types.ModuleType(name)
    module.__dict__.update(what)
    sys.modules[name] = module
    return module


class DropPath(nn.Module):
    def __init__(self, drop_prob=0.0): super().__init__(); self.drop_prob = drop_prob
    def forward(self, x): return x


stand_in("timm"); stand_in("timm.models")
stand_in("timm.models.layers", DropPath=DropPath, to_2tuple=lambda x: x if isinstance(x, tuple) else (x, x),
         trunc_normal_=nn.init.trunc_normal_)
stand_in("timm.models.registry", register_model=lambda f: f)
sys.path.insert(0, os.environ.get("MOBILE_SAM", "MobileSAM"))
stand_in("mobile_sam").__path__ = [os.path.join(sys.path[0], "mobile_sam")]
from functools import partial
from mobile_sam.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TinyViT, TwoWayTransformer
from mobile_sam.modeling.common import LayerNorm2d

SIDE, DIM, WIDTH, LAYERS, HEADS, WINDOW, WHOLE = 128, 32, 32, 4, 2, 7, [1, 3]
MEAN, STD = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])


def randomise(model, seed):
    """Numbers large enough to matter everywhere, as half precision has them."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            if name.endswith("positional_embedding"): p.normal_()
            elif name.endswith("pos_embed"): p.normal_(std=0.5)
            elif name.endswith("attention_biases"): p.normal_()
            elif "_embed" in name and "patch_embed" not in name: p.normal_()
            elif p.dim() > 1: p.normal_(std=1.3 * (p[0].numel() ** -0.5))
            else: p.add_(0.1 * torch.randn_like(p))
        for name, b in sorted(model.named_buffers()):
            if name.endswith("running_mean"): b.normal_(std=0.2)
            if name.endswith("running_var"): b.uniform_(0.5, 1.5)
            if name.endswith("gaussian_matrix"): b.normal_()
    return model.half().float().eval()


def renamed(name):
    """The authors' name of one of transformers'."""
    for theirs, authors in [("shared_image_embedding.positional_embedding", "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"),
                            ("vision_encoder.patch_embed.projection", "image_encoder.patch_embed.proj"), ("vision_encoder.layers", "image_encoder.blocks"),
                            ("neck.conv1", "neck.0"), ("neck.layer_norm1", "neck.1"), ("neck.conv2", "neck.2"), ("neck.layer_norm2", "neck.3"),
                            ("vision_encoder", "image_encoder"), ("prompt_encoder.point_embed.", "prompt_encoder.point_embeddings."),
                            ("mask_embed.conv1", "mask_downscaling.0"), ("mask_embed.layer_norm1", "mask_downscaling.1"),
                            ("mask_embed.conv2", "mask_downscaling.3"), ("mask_embed.layer_norm2", "mask_downscaling.4"), ("mask_embed.conv3", "mask_downscaling.6"),
                            ("upscale_conv1", "output_upscaling.0"), ("upscale_layer_norm", "output_upscaling.1"), ("upscale_conv2", "output_upscaling.3"),
                            ("layer_norm", "norm"), ("proj_out", "layers.2")]:
        if "_mlps." in name or "iou_prediction_head" in name:
            name = name.replace("layers.0", "layers.1").replace("proj_in", "layers.0") if theirs == "proj_out" else name
        if not (theirs.startswith("mask_embed") and "no_mask_embed" in name):
            name = name.replace(theirs, authors)
    return name


def prompts_to(case):
    xy, labels = [], []
    for x, y in case.get("click", []): xy.append([x, y]); labels.append(1)
    for x, y in case.get("not", []): xy.append([x, y]); labels.append(0)
    box = None
    if "within" in case:
        x, y, w, h = case["within"]
        box = torch.tensor([[x, y, x + w, y + h]]).float()
    return torch.tensor(xy).float().reshape(1, -1, 2), torch.tensor(labels).reshape(1, -1), box


def prepared(picture, side):
    x = (torch.tensor(np.array(picture)).float() - MEAN) / STD
    return F.pad(x.permute(2, 0, 1), (0, side - picture.width, 0, side - picture.height))[None]


@torch.no_grad()
def run_transformers(sam, picture, case):
    xy, labels, box = prompts_to(case)
    given = {"pixel_values": prepared(picture, SIDE)}
    if labels.numel(): given |= {"input_points": xy[None], "input_labels": labels[None]}
    if box is not None: given["input_boxes"] = box[None]
    one, three = (sam(**given, multimask_output=several) for several in (False, True))
    return torch.cat([one.pred_masks[:, 0], three.pred_masks[:, 0]], 1), torch.cat([one.iou_scores[:, 0], three.iou_scores[:, 0]], 1)


@torch.no_grad()
def run_authors(sam, picture, case, side=SIDE):
    xy, labels, box = prompts_to(case)
    sparse, dense = sam.prompt_encoder(points=(xy, labels) if labels.numel() else None, boxes=box, masks=None)
    return sam.mask_decoder.predict_masks(image_embeddings=sam.image_encoder(prepared(picture, side)), image_pe=sam.prompt_encoder.get_dense_pe(),
                                          sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense)


def authors(encoder, side):
    return Sam(image_encoder=encoder,
               prompt_encoder=PromptEncoder(embed_dim=DIM, image_embedding_size=(side // 16, side // 16), input_image_size=(side, side), mask_in_chans=16),
               mask_decoder=MaskDecoder(num_multimask_outputs=3, transformer_dim=DIM, iou_head_depth=3, iou_head_hidden_dim=DIM,
                                        transformer=TwoWayTransformer(depth=2, embedding_dim=DIM, mlp_dim=48, num_heads=8)))


class Tiny(TinyViT):
    """MobileSAM's encoder, whose neck is not written in numbers."""
    def __init__(self, side, dim, **sizes):
        super().__init__(img_size=side, num_classes=5, **sizes)
        # That the last grid is not halved goes by a width of 320.
        self.layers[2].downsample.conv2.c.stride = (1, 1)
        self.neck = nn.Sequential(nn.Conv2d(sizes["embed_dims"][-1], dim, 1, bias=False), LayerNorm2d(dim),
                                  nn.Conv2d(dim, dim, 3, padding=1, bias=False), LayerNorm2d(dim))

    def set_layer_lr_decay(self, _): pass

    def forward(self, x):
        x = self.patch_embed(x)
        for layer in self.layers: x = layer(x)
        b, n, c = x.shape
        return self.neck(x.view(b, self.img_size // 16, self.img_size // 16, c).permute(0, 3, 1, 2))


CASES, LOGITS = [], {}


def keep(name, file, photo, picture, case, low, scores, side, step=1):
    full = F.interpolate(low, (side, side), mode="bilinear", align_corners=False)[..., :picture.height, :picture.width]
    inside = (full > 0).float().mean((-1, -2)).flatten().tolist()
    print(name, "inside", [round(i, 3) for i in inside], "scores", [round(s, 4) for s in scores.flatten().tolist()], low.abs().max().item())
    planes = (full[0] > 0).numpy().astype(np.uint8) * 255
    Image.fromarray(planes.reshape(-1, planes.shape[-1])).convert("1").save(os.path.join(HERE, f"weights-{name}.png"))
    LOGITS[name] = low[0, :, ::step, ::step].contiguous().numpy()
    CASES.append({"name": name, "file": file, "photo": photo, **case, "scores": [round(s, 6) for s in scores.flatten().tolist()]})


CLICK = {"click": [[54.5, 45.0]]}
PROMPTS = [("click", CLICK), ("not", {"click": [[54.5, 45.0], [55.0, 20.0]], "not": [[102.0, 58.0]]}),
           ("box", {"within": [38.0, 11.5, 32.0, 62.0]}), ("both", {**CLICK, "within": [38.0, 11.5, 32.0, 62.0]})]


def large():
    """A photo of MobileSAM's size that the tests draw by the same whole numbers."""
    y, x = np.mgrid[0:700, 0:1024]
    inside = (x - 400) ** 2 + (y - 300) ** 2 < 160 ** 2
    return Image.fromarray(np.stack([np.where(inside, 200, x // 8), np.where(inside, 90, y // 4), (x + y) // 8], -1).astype(np.uint8))


def main():
    small = Image.open(os.path.join(HERE, "small.png")).convert("RGB")
    vision = SamVisionConfig(hidden_size=WIDTH, output_channels=DIM, num_hidden_layers=LAYERS, num_attention_heads=HEADS, image_size=SIDE, patch_size=16,
                             window_size=WINDOW, global_attn_indexes=WHOLE, mlp_dim=64, num_pos_feats=DIM // 2)
    prompt = SamPromptEncoderConfig(hidden_size=DIM, image_size=SIDE, patch_size=16)
    decoder = SamMaskDecoderConfig(hidden_size=DIM, mlp_dim=48, iou_head_hidden_dim=DIM)
    sam = randomise(SamModel(SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)), 11)
    for name, case in PROMPTS:
        keep("transformers-" + name, "weights/model.safetensors", "small.png", small, case, *run_transformers(sam, small, case), SIDE)
    numbers = {renamed(name): tensor.half() for name, tensor in sam.state_dict().items() if not name.startswith("prompt_encoder.shared_embedding")}
    own = authors(ImageEncoderViT(img_size=SIDE, embed_dim=WIDTH, depth=LAYERS, num_heads=HEADS, mlp_ratio=2.0, out_chans=DIM, use_rel_pos=True,
                                  window_size=WINDOW, global_attn_indexes=WHOLE, norm_layer=partial(nn.LayerNorm, eps=1e-6)), SIDE).eval()
    own.load_state_dict(numbers, strict=True)
    for name, case in PROMPTS:
        keep("authors-" + name, "weights.pth", "small.png", small, case, *run_authors(own, small, case), SIDE)
    torch.save(numbers, os.path.join(HERE, "weights.pth"))
    sam.half().save_pretrained(os.path.join(HERE, "weights"))

    tiny = Tiny(1024, DIM, embed_dims=[8, 16, 16, 24], depths=[1, 1, 2, 1], num_heads=[1, 2, 2, 3], window_sizes=[7, 7, 14, 7], drop_path_rate=0.0)
    mobile = randomise(authors(tiny, 1024), 12)
    torch.save({name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in mobile.state_dict().items()},
               os.path.join(HERE, "mobile.pt"))
    picture = large()
    for name, case in [("click", {"click": [[400.0, 300.0]]}), ("box", {"within": [240.0, 140.0, 320.0, 320.0]})]:
        keep("mobile-" + name, "mobile.pt", "large", picture, case, *run_authors(mobile, picture, case, 1024), 1024, 8)
    json.dump(CASES, open(os.path.join(HERE, "weights.json"), "w"), indent=1)
    save_file(LOGITS, os.path.join(HERE, "weights-logits.safetensors"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
