"""Makes what the tests of `src/segment` are compared with: small Segment Anything models with random weights, as people
export them, and the masks that PyTorch gives for a photo.

    python tests/data/segment/make.py        from the project's root; writes beside this file

torch 2.6, numpy, Pillow, onnx (only to write), safetensors, transformers 4.41 (Optimum's dialect). The networks are their
authors' own code, unchanged but for their sizes. MOBILE_SAM, SAM2 and EFFICIENT_SAM name checkouts of ChaoningZhang/MobileSAM,
facebookresearch/sam2 and yformer/EfficientSAM; the wrappers are those of vietanhdev/samexporter, written anew.

`sam.onnx` encodes as samexporter's and Acly's MobileSAM does (photo of any size, 0..255, prepared inside), `vit.onnx` as SAM 1
without preparation; both go with `decoder.onnx`. `hf.*` is Optimum's, `sam2.*` samexporter's SAM 2, `efficient.*` EfficientSAM's own.
`dino.onnx` finds boxes by words (Grounding DINO as Transformers has it), with its vocab.txt; words.json has what it gives. cases.json says which
photo and prompts; make_weights.py makes what weights alone are compared with. NAME.png has the masks at the photo's size one below the other; logits.safetensors the low-resolution logits.
"""
import json, os, sys, types

HERE = os.path.dirname(os.path.abspath(__file__))
import numpy as np
import onnx
import torch
from PIL import Image, ImageDraw
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional as F
from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig
from transformers import BertConfig, BertTokenizer, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig
# Before there is a stand-in for timm.
import transformers.models.grounding_dino.modeling_grounding_dino as grounding, transformers.models.sam.modeling_sam


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
stand_in("iopath"); stand_in("iopath.common"); stand_in("iopath.common.file_io", g_pathmgr=None)
sys.path[:0] = [os.environ.get(*of) for of in [("MOBILE_SAM", "MobileSAM"), ("SAM2", "sam2"), ("EFFICIENT_SAM", "EfficientSAM")]]
stand_in("mobile_sam").__path__ = [os.path.join(sys.path[0], "mobile_sam")]
stand_in("sam2").__path__ = [os.path.join(sys.path[1], "sam2")]
stand_in("sam2.utils"); stand_in("sam2.utils.misc", mask_to_box=None)
from functools import partial
from mobile_sam.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TinyViT, TwoWayTransformer
from mobile_sam.modeling.common import LayerNorm2d
from mobile_sam.utils.onnx import SamOnnxModel

SIDE, DIM = 128, 16
LATENT = SIDE // 16
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def randomise(model, seed):
    torch.manual_seed(seed)
    with torch.no_grad():
        for _, p in sorted(model.named_parameters()):
            if p.dim() > 1:
                p.normal_(std=1.3 * (p[0].numel() ** -0.5))
            else:
                p.add_(0.1 * torch.randn_like(p))
        for name, b in sorted(model.named_buffers()):
            if name.endswith("running_mean"): b.normal_(std=0.2)
            if name.endswith("running_var"): b.uniform_(0.5, 1.5)
            if name.endswith("gaussian_matrix"): b.normal_()
    return model.eval()


class Tiny(TinyViT):
    """MobileSAM's encoder, whose last grid and neck are not written in numbers."""
    def __init__(self, side, dim, **sizes):
        super().__init__(img_size=side, num_classes=0, **sizes)
        self.norm_head = nn.Identity()
        # That the last grid is not halved goes by a width of 320.
        self.layers[2].downsample.conv2.c.stride = (1, 1)
        last = sizes["embed_dims"][-1]
        self.neck = nn.Sequential(nn.Conv2d(last, dim, 1, bias=False), LayerNorm2d(dim),
                                  nn.Conv2d(dim, dim, 3, padding=1, bias=False), LayerNorm2d(dim))

    def set_layer_lr_decay(self, _): pass

    def forward(self, x):
        x = self.patch_embed(x)
        for layer in self.layers: x = layer(x)
        b, n, c = x.shape
        return self.neck(x.view(b, self.img_size // 16, self.img_size // 16, c).permute(0, 3, 1, 2))


def sam1(encoder, side=SIDE, dim=DIM, heads=2, mlp=32):
    latent = side // 16
    return Sam(
        image_encoder=encoder,
        prompt_encoder=PromptEncoder(embed_dim=dim, image_embedding_size=(latent, latent), input_image_size=(side, side),
                                     mask_in_chans=16 if dim > 64 else 4),
        mask_decoder=MaskDecoder(num_multimask_outputs=3, transformer_dim=dim, iou_head_depth=3, iou_head_hidden_dim=dim,
                                 transformer=TwoWayTransformer(depth=2, embedding_dim=dim, mlp_dim=mlp, num_heads=heads)))


class Prepared(nn.Module):
    """An encoder that takes a photo: height, width, colour; 0 to 255."""
    def __init__(self, encoder):
        super().__init__()
        self.encoder, self.mean, self.std = encoder, torch.tensor(MEAN), torch.tensor(STD)

    def forward(self, x):
        x = torch.permute((x - self.mean) / self.std, (2, 0, 1))
        h, w = x.shape[-2:]
        side = self.encoder.img_size
        return self.encoder(F.pad(x, (0, side - w, 0, side - h)).unsqueeze(0))


def export(model, inputs, path, names, outputs, axes=None):
    with torch.no_grad():
        torch.onnx.export(model.eval(), tuple(inputs), path, input_names=names, output_names=outputs, dynamic_axes=axes,
                          opset_version=17, do_constant_folding=True, dynamo=False)
    shorten(path)


def shorten(path):
    """Gives what is inside of a graph short names: written out they are most of such a small file."""
    model = onnx.load(path)
    graph = model.graph
    told = {value.name for value in [*graph.input, *graph.output]}
    short = lambda name: name if not name or name in told else names.setdefault(name, f"v{len(names)}")
    names = {}
    def shorten_graph(graph):
        for node in graph.node:
            node.name = ""
            node.input[:], node.output[:] = [short(n) for n in node.input], [short(n) for n in node.output]
            for attribute in node.attribute:
                if attribute.HasField("g"): shorten_graph(attribute.g)
        for value in graph.initializer: value.name = short(value.name)
        if graph is not model.graph:
            for value in graph.output: value.name = short(value.name)
        del graph.value_info[:]
    shorten_graph(graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)


N = {"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}}


def export_sam1(sam, encoder_path, decoder_path, prepared, side=SIDE, dim=DIM, single=False):
    encoder = sam.image_encoder
    if prepared:
        export(Prepared(encoder), [torch.rand(side, side, 3) * 255], encoder_path, ["input_image"], ["image_embeddings"],
               {"input_image": {0: "image_height", 1: "image_width"}})
    else:
        export(encoder, [torch.rand(1, 3, side, side)], encoder_path, ["input_image"], ["image_embeddings"])
    if decoder_path:
        latent = side // 16
        inputs = {
            "image_embeddings": torch.randn(1, dim, latent, latent),
            "point_coords": torch.rand(1, 5, 2) * side, "point_labels": torch.randint(0, 4, (1, 5)).float(),
            "mask_input": torch.randn(1, 1, 4 * latent, 4 * latent), "has_mask_input": torch.tensor([1.0]),
            "orig_im_size": torch.tensor([1500.0, 2250.0]),
        }
        export(SamOnnxModel(sam, return_single_mask=single), inputs.values(), decoder_path, list(inputs),
               ["masks", "iou_predictions", "low_res_masks"], N)


def photo():
    """Somebody in a landscape: 200 x 140."""
    y, x = np.mgrid[0:140, 0:200]
    ground = np.stack([60 + x / 2, 120 + y / 2, 200 - y], -1).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(ground)
    draw = ImageDraw.Draw(picture)
    draw.rectangle([0, 100, 200, 140], fill=(70, 130, 60))
    draw.ellipse([60, 30, 110, 115], fill=(190, 120, 70))
    draw.ellipse([72, 18, 98, 48], fill=(220, 190, 150))
    draw.rectangle([140, 60, 180, 118], fill=(150, 40, 50))
    return picture


def resized(picture, side):
    w, h = picture.size
    scale = side / max(w, h)
    return picture.resize((int(w * scale + 0.5), int(h * scale + 0.5)), Image.BILINEAR)


def prompts_to(case, scale):
    """Places and labels in the frame of the model."""
    xy, labels = [], []
    for x, y in case.get("click", []): xy.append([x, y]); labels.append(1)
    for x, y in case.get("not", []): xy.append([x, y]); labels.append(0)
    if "within" in case:
        x, y, w, h = case["within"]
        xy += [[x, y], [x + w, y + h]]; labels += [2, 3]
    return torch.tensor(xy).float() * torch.tensor(scale).float(), torch.tensor(labels).float()


def to_photo(low, side, cut, size):
    """The authors' postprocess_masks: up to the model's frame, without the padding, to the photo."""
    up = F.interpolate(low, (side, side), mode="bilinear", align_corners=False)[..., :cut[1], :cut[0]]
    return F.interpolate(up, (size[1], size[0]), mode="bilinear", align_corners=False)


CASES, LOGITS = [], {}
PHOTO = photo()
SMALL = {"photo": PHOTO, "small": resized(PHOTO, SIDE), "square": PHOTO.resize((SIDE, SIDE), Image.BILINEAR)}
LONG, SQUARE = ["photo", "small"], ["photo", "square"]


def keep(name, case, encoder, decoder, run, sam, photos):
    """With a photo that is resized, and, for the first prompt, with one that has the network's size already."""
    for picture in photos if name.endswith("-click") else photos[:1]:
        own = name if picture is photos[0] else name + "-" + picture
        scale = [SMALL[picture].width / PHOTO.width, SMALL[picture].height / PHOTO.height] * 2
        scaled = {what: [x * s for x, s in zip(of, scale)] if what == "within" else [[p * s for p, s in zip(place, scale)] for place in of]
                  for what, of in case.items()}
        keep_one(own, {"photo": picture + ".png", **scaled}, encoder, decoder, *run(sam, SMALL[picture], scaled))


def keep_one(name, case, encoder, decoder, low, full, scores):
    inside = (full > 0).float().mean((-1, -2)).flatten().tolist()
    print(name, "inside", [round(i, 3) for i in inside], "scores", scores.flatten().tolist(), low.abs().max().item())
    planes = (full[0] > 0).numpy().astype(np.uint8) * 255
    Image.fromarray(planes.reshape(-1, planes.shape[-1])).convert("1").save(os.path.join(HERE, name + ".png"))
    LOGITS[name] = low[0].contiguous().numpy()
    CASES.append({"name": name, "encoder": encoder, "decoder": decoder, **case, "scores": [round(s, 6) for s in scores.flatten().tolist()]})


CLICK = {"click": [[85, 70]]}
PROMPTS = [("click", CLICK), ("not", {"click": [[85, 70], [85, 30]], "not": [[160, 90]]}), ("box", {"within": [60, 18, 50, 97]}),
           ("both", {"click": [[85, 70]], "within": [60, 18, 50, 97]})]


@torch.no_grad()
def run_sam1(sam, picture, case):
    small = resized(picture, SIDE)
    x = (torch.tensor(np.array(small)).float() - torch.tensor(MEAN)) / torch.tensor(STD)
    x = F.pad(x.permute(2, 0, 1), (0, SIDE - small.width, 0, SIDE - small.height))[None]
    scale = [small.width / picture.width, small.height / picture.height]
    xy, labels = prompts_to(case, scale)
    points = ((xy[labels < 2][None], labels[labels < 2][None]) if (labels < 2).any() else None)
    box = xy[labels >= 2].reshape(1, 4) if (labels >= 2).any() else None
    sparse, dense = sam.prompt_encoder(points=points, boxes=box, masks=None)
    # All four, as the export has them.
    low, scores = sam.mask_decoder.predict_masks(image_embeddings=sam.image_encoder(x), image_pe=sam.prompt_encoder.get_dense_pe(),
                                                 sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense)
    return low, to_photo(low, SIDE, small.size, picture.size), scores


class Sam2(nn.Module):
    """The parts of SAM 2 that look at one picture."""
    num_feature_levels, image_size = 3, SIDE

    def __init__(self):
        super().__init__()
        from sam2.modeling.backbones.hieradet import Hiera
        from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
        from sam2.modeling.position_encoding import PositionEmbeddingSine
        from sam2.modeling.sam.mask_decoder import MaskDecoder
        from sam2.modeling.sam.prompt_encoder import PromptEncoder
        from sam2.modeling.sam.transformer import TwoWayTransformer
        trunk = Hiera(embed_dim=4, num_heads=1, stages=(1, 1, 2, 1), global_att_blocks=(3,), window_spec=(8, 4, 4, 2),
                      window_pos_embed_bkg_spatial_size=(5, 5))
        neck = FpnNeck(PositionEmbeddingSine(num_pos_feats=DIM, normalize=True, temperature=10000), DIM, [32, 16, 8, 4],
                       fpn_interp_model="nearest", fpn_top_down_levels=[2, 3])
        self.image_encoder = ImageEncoder(trunk, neck, scalp=1)
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, DIM))
        self.sam_prompt_encoder = PromptEncoder(embed_dim=DIM, image_embedding_size=(LATENT, LATENT),
                                                input_image_size=(SIDE, SIDE), mask_in_chans=4)
        self.sam_mask_decoder = MaskDecoder(transformer_dim=DIM, num_multimask_outputs=3, use_high_res_features=True,
                                            transformer=TwoWayTransformer(depth=2, embedding_dim=DIM, mlp_dim=32, num_heads=2),
                                            iou_head_hidden_dim=DIM, iou_prediction_use_sigmoid=True, pred_obj_scores=True,
                                            pred_obj_scores_mlp=True)

    def encode(self, x):
        fpn = self.image_encoder(x)["backbone_fpn"]
        last = (fpn[2].flatten(2).permute(2, 0, 1) + self.no_mem_embed).permute(1, 2, 0).reshape(fpn[2].shape)
        return self.sam_mask_decoder.conv_s0(fpn[0]), self.sam_mask_decoder.conv_s1(fpn[1]), last

    def decode(self, image_embed, s0, s1, sparse, dense):
        masks, scores, _, _ = self.sam_mask_decoder.predict_masks(
            image_embeddings=image_embed, image_pe=self.sam_prompt_encoder.get_dense_pe(), sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense, repeat_image=False, high_res_features=[s0, s1])
        return masks[:, 1:].clamp(-32, 32), scores[:, 1:]


class Sam2Encoder(nn.Module):
    def __init__(self, sam): super().__init__(); self.sam = sam
    def forward(self, image): return self.sam.encode(image)


class Sam2Decoder(nn.Module):
    def __init__(self, sam): super().__init__(); self.sam = sam

    def forward(self, image_embed, s0, s1, coords, labels, mask, has_mask):
        encoder = self.sam.sam_prompt_encoder
        coords = torch.cat([coords + 0.5, torch.zeros(coords.shape[0], 1, 2)], 1) / self.sam.image_size
        labels = torch.cat([labels, -torch.ones(labels.shape[0], 1)], 1)
        points = encoder.pe_layer._pe_encoding(coords)
        labels = labels.unsqueeze(-1).expand_as(points)
        points = points * (labels != -1) + encoder.not_a_point_embed.weight * (labels == -1)
        for i in range(encoder.num_point_embeddings):
            points = points + encoder.point_embeddings[i].weight * (labels == i)
        dense = has_mask * encoder.mask_downscaling(mask) + (1 - has_mask) * encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        return self.sam.decode(image_embed, s0, s1, points, dense)


def export_sam2(sam):
    image = torch.rand(1, 3, SIDE, SIDE)
    export(Sam2Encoder(sam), [image], os.path.join(HERE, "sam2.encoder.onnx"), ["image"],
           ["high_res_feats_0", "high_res_feats_1", "image_embed"])
    s0, s1, embed = sam.encode(image)
    inputs = {"image_embed": embed, "high_res_feats_0": s0, "high_res_feats_1": s1, "point_coords": torch.rand(1, 5, 2) * SIDE,
              "point_labels": torch.ones(1, 5), "mask_input": torch.randn(1, 1, 4 * LATENT, 4 * LATENT),
              "has_mask_input": torch.tensor([1.0])}
    many = {"point_coords": {0: "num_labels", 1: "num_points"}, "point_labels": {0: "num_labels", 1: "num_points"},
            "mask_input": {0: "num_labels"}, "has_mask_input": {0: "num_labels"}}
    export(Sam2Decoder(sam), inputs.values(), os.path.join(HERE, "sam2.decoder.onnx"), list(inputs), ["masks", "iou_predictions"], many)


@torch.no_grad()
def run_sam2(sam, picture, case):
    """As SAM 2's own predictor: squashed to a square, clicks first and the box's corners before them."""
    x = torch.tensor(np.array(picture.resize((SIDE, SIDE), Image.BILINEAR))).float() / 255
    x = ((x - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])).permute(2, 0, 1)[None]
    xy, labels = prompts_to(case, [SIDE / picture.width, SIDE / picture.height])
    s0, s1, embed = sam.encode(x)
    sparse, dense = sam.sam_prompt_encoder(points=(xy[None], labels[None].int()), boxes=None, masks=None)
    low, scores = sam.decode(embed, s0, s1, sparse, dense)
    return low, F.interpolate(low, (picture.height, picture.width), mode="bilinear", align_corners=False), scores


class HfEncoder(nn.Module):
    def __init__(self, sam): super().__init__(); self.sam = sam
    def forward(self, pixel_values):
        return self.sam.vision_encoder(pixel_values)[0], self.sam.get_image_wide_positional_embeddings()


class HfDecoder(nn.Module):
    def __init__(self, sam): super().__init__(); self.sam = sam
    def forward(self, points, labels, embeddings, positions):
        sparse, dense = self.sam.prompt_encoder(input_points=points, input_labels=labels, input_boxes=None, input_masks=None)
        masks, scores, _ = self.sam.mask_decoder(image_embeddings=embeddings, image_positional_embeddings=positions,
                                                 sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense, multimask_output=True)
        return scores, masks


def hf():
    vision = SamVisionConfig(hidden_size=24, output_channels=DIM, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE,
                             patch_size=16, window_size=3, global_attn_indexes=[1], mlp_dim=48, num_pos_feats=DIM // 2)
    prompt = SamPromptEncoderConfig(hidden_size=DIM, image_size=SIDE, patch_size=16, mask_input_channels=4)
    decoder = SamMaskDecoderConfig(hidden_size=DIM, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=DIM)
    return SamModel(SamConfig(vision, prompt, decoder))


def export_hf(sam):
    export(HfEncoder(sam), [torch.rand(1, 3, SIDE, SIDE)], os.path.join(HERE, "hf.encoder.onnx"), ["pixel_values"],
           ["image_embeddings", "image_positional_embeddings"])
    e, p = HfEncoder(sam)(torch.rand(1, 3, SIDE, SIDE))
    axes = {"input_points": {1: "point_batch_size", 2: "nb_points_per_image"},
            "input_labels": {1: "point_batch_size", 2: "nb_points_per_image"}}
    export(HfDecoder(sam), [torch.rand(1, 1, 3, 2) * SIDE, torch.ones(1, 1, 3, dtype=torch.int64), e, p],
           os.path.join(HERE, "hf.decoder.onnx"), ["input_points", "input_labels", "image_embeddings", "image_positional_embeddings"],
           ["iou_scores", "pred_masks"], axes)


@torch.no_grad()
def run_hf(sam, picture, case):
    small = resized(picture, SIDE)
    x = torch.tensor(np.array(small)).float() / 255
    x = (x - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    x = F.pad(x.permute(2, 0, 1), (0, SIDE - small.width, 0, SIDE - small.height))[None]
    xy, labels = prompts_to(case, [small.width / picture.width, small.height / picture.height])
    found = sam(pixel_values=x, input_points=xy[None, None], input_labels=labels[None, None].long(), multimask_output=True)
    low = found.pred_masks[:, 0]
    return low, to_photo(low, SIDE, small.size, picture.size), found.iou_scores


class EfficientEncoder(nn.Module):
    def __init__(self, sam): super().__init__(); self.sam = sam
    def forward(self, images): return self.sam.get_image_embeddings(images)


class EfficientDecoder(nn.Module):
    def __init__(self, sam): super().__init__(); self.sam = sam
    def forward(self, embeddings, coords, labels, size):
        low, scores = self.sam.predict_masks(embeddings, coords, labels, True, size[0], size[1], -1, -1)
        return F.interpolate(low[0], (size[0], size[1]), mode="bicubic")[None], scores, low


def efficient():
    stand_in("efficient_sam").__path__ = [os.path.join(sys.path[2], "efficient_sam")]
    from efficient_sam.efficient_sam import EfficientSam, TwoWayTransformer
    from efficient_sam.efficient_sam_decoder import MaskDecoder, PromptEncoder
    from efficient_sam.efficient_sam_encoder import ImageEncoderViT
    encoder = ImageEncoderViT(img_size=SIDE, patch_size=16, in_chans=3, patch_embed_dim=24, normalization_type="layer_norm", depth=2,
                              num_heads=2, mlp_ratio=2.0, neck_dims=[DIM, DIM], act_layer=nn.GELU)
    decoder = MaskDecoder(transformer_dim=DIM, num_multimask_outputs=3, activation=nn.GELU, normalization_type="layer_norm",
                          normalize_before_activation=False, iou_head_depth=2, iou_head_hidden_dim=DIM, upscaling_layer_dims=[4, 2],
                          transformer=TwoWayTransformer(depth=2, embedding_dim=DIM, num_heads=2, mlp_dim=32, activation=nn.GELU,
                                                        normalize_before_activation=False))
    prompts = PromptEncoder(embed_dim=DIM, image_embedding_size=(LATENT, LATENT), input_image_size=(SIDE, SIDE))
    return EfficientSam(encoder, prompts, 6, decoder)


def export_efficient(sam):
    export(EfficientEncoder(sam), [torch.rand(1, 3, 90, 150)], os.path.join(HERE, "efficient.encoder.onnx"), ["batched_images"],
           ["image_embeddings"], {"batched_images": {0: "batch", 2: "height", 3: "width"}})
    inputs = {"image_embeddings": torch.randn(1, DIM, LATENT, LATENT), "batched_point_coords": torch.rand(1, 1, 5, 2) * SIDE,
              "batched_point_labels": torch.ones(1, 1, 5), "orig_im_size": torch.tensor([90, 150])}
    axes = {"image_embeddings": {0: "batch"}, "batched_point_coords": {2: "num_points"}, "batched_point_labels": {2: "num_points"}}
    export(EfficientDecoder(sam), inputs.values(), os.path.join(HERE, "efficient.decoder.onnx"), list(inputs),
           ["output_masks", "iou_predictions"], axes)


@torch.no_grad()
def run_efficient(sam, picture, case):
    x = torch.tensor(np.array(picture.resize((SIDE, SIDE), Image.BILINEAR))).float().permute(2, 0, 1)[None] / 255
    xy, labels = prompts_to(case, [SIDE / picture.width, SIDE / picture.height])
    low, scores = sam.predict_masks(sam.get_image_embeddings(x), xy[None, None], labels[None, None], True, SIDE, SIDE)
    low = low[:, 0]
    return low, F.interpolate(low, (picture.height, picture.width), mode="bilinear", align_corners=False), scores


class Dino(nn.Module):
    def __init__(self, model): super().__init__(); self.model = model

    def forward(self, pixel_values, input_ids, token_type_ids, attention_mask, pixel_mask):
        found = self.model(pixel_values=pixel_values, input_ids=input_ids, token_type_ids=token_type_ids,
                           attention_mask=attention_mask, pixel_mask=pixel_mask)
        return found.logits, found.pred_boxes


def blocks(input_ids):
    """What Transformers 4.41 works out in a loop over the tokens, which an export would write in as it is for one text: each phrase
    reads itself alone, and its words are counted from its beginning. For texts that end with a full stop."""
    ends = sum((input_ids == end).long() for end in grounding.SPECIAL_TOKENS)
    block = torch.cumsum(ends, 1) - ends
    same = block[:, :, None] == block[:, None, :]
    before = torch.cumsum(torch.ones_like(input_ids), 1)
    earlier = before[:, :, None] > before[:, None, :]
    return same, (same.long() * earlier.long()).sum(-1)


def words():
    """Boxes by words; sizes are written into the graph, as exporters do it."""
    high, wide = 96, 128
    listed = [f"[unused{i}]" for i in range(1040)]
    for at, word in {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 1012: ".", 1029: "?", 1010: ",", 1031: "dog", 1032: "a", 1033: "##s",
                     1034: "cafe", 1035: "red", 1036: "hat", 1037: "##ter"}.items():
        listed[at] = word
    vocab = os.path.join(HERE, "vocab.txt")
    open(vocab, "w").write("\n".join(listed) + "\n")
    tokenizer = BertTokenizer(vocab)
    text = BertConfig(vocab_size=len(listed), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, max_position_embeddings=64)
    swin = SwinConfig(image_size=64, embed_dim=4, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4, out_features=["stage2", "stage3", "stage4"])
    model = randomise(GroundingDinoForObjectDetection(GroundingDinoConfig(
        backbone_config=swin, text_config=text, num_queries=12, encoder_layers=1, encoder_ffn_dim=32, encoder_attention_heads=2, decoder_layers=1,
        decoder_ffn_dim=32, decoder_attention_heads=2, d_model=32, max_text_len=64, num_feature_levels=4, disable_custom_kernels=True)), 6)
    inputs = lambda said: tokenizer(said, return_tensors="pt")
    original = grounding.generate_masks_with_special_tokens_and_transfer_map
    grounding.generate_masks_with_special_tokens_and_transfer_map = blocks
    one = inputs("a dog. a red hat.")
    export(Dino(model), [torch.randn(1, 3, high, wide), one.input_ids, one.token_type_ids, one.attention_mask, torch.ones(1, high, wide, dtype=torch.int64)],
           os.path.join(HERE, "dino.onnx"), ["pixel_values", "input_ids", "token_type_ids", "attention_mask", "pixel_mask"], ["logits", "pred_boxes"],
           {name: {1: "sequence_length"} for name in ["input_ids", "token_type_ids", "attention_mask"]})
    picture = PHOTO.resize((wide, high), Image.BILINEAR)
    picture.save(os.path.join(HERE, "words.png"))
    x = torch.tensor(np.array(picture)).float() / 255
    x = ((x - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])).permute(2, 0, 1)[None]
    cases = []
    for said, as_model in [("A Dog, red HATTER", "a dog. red hatter."), ("dogs.", "dogs."), ("Caf\u00e9 zebra? ", "caf\u00e9 zebra?.")]:
        told = inputs(as_model)
        mask, positions = original(told.input_ids)
        assert all(torch.equal(a.long(), b.long()) for a, b in zip((mask, positions), blocks(told.input_ids)))
        with torch.no_grad():
            logits, boxes = Dino(model)(x, told.input_ids, told.token_type_ids, told.attention_mask, torch.ones(1, high, wide, dtype=torch.int64))
        scores = logits.sigmoid().nan_to_num(0).amax(-1)[0]
        best = scores.argsort(descending=True)[:5]
        print(said, told.input_ids.tolist(), scores[best].tolist())
        cases.append({"words": said, "ids": told.input_ids[0].tolist(), "mask": mask[0].int().tolist(), "positions": positions[0].tolist(),
                      "scores": scores[best].tolist(), "boxes": boxes[0, best].tolist()})
    json.dump(cases, open(os.path.join(HERE, "words.json"), "w"))


def main():
    torch.manual_seed(0)
    for name, picture in SMALL.items():
        picture.save(os.path.join(HERE, name + ".png"))
    tiny = Tiny(SIDE, DIM, embed_dims=[8, 16, 16, 24], depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 3], window_sizes=[3, 3, 5, 3], drop_path_rate=0.0)
    mobile = randomise(sam1(tiny), 1)
    export_sam1(mobile, os.path.join(HERE, "sam.onnx"), os.path.join(HERE, "decoder.onnx"), True)
    for name, case in PROMPTS:
        keep("sam-" + name, case, "sam.onnx", "decoder.onnx", run_sam1, mobile, LONG)
    plain = ImageEncoderViT(img_size=SIDE, embed_dim=16, depth=2, num_heads=2, out_chans=DIM, use_rel_pos=True, window_size=3,
                            global_attn_indexes=(1,), norm_layer=partial(nn.LayerNorm, eps=1e-6))
    mobile.image_encoder = randomise(plain, 2)
    export_sam1(mobile, os.path.join(HERE, "vit.onnx"), None, False)
    keep("vit-click", CLICK, "vit.onnx", "decoder.onnx", run_sam1, mobile, LONG)
    second = randomise(Sam2(), 3)
    with torch.no_grad(): export_sam2(second)
    for name, case in [PROMPTS[0], PROMPTS[3]]:
        keep("sam2-" + name, case, "sam2.encoder.onnx", "sam2.decoder.onnx", run_sam2, second, SQUARE)
    third = randomise(hf(), 4)
    with torch.no_grad(): export_hf(third)
    for name, case in PROMPTS[:2]:
        keep("hf-" + name, case, "hf.encoder.onnx", "hf.decoder.onnx", run_hf, third, LONG)
    fourth = randomise(efficient(), 5)
    with torch.no_grad(): export_efficient(fourth)
    for name, case in [PROMPTS[0], PROMPTS[3]]:
        keep("efficient-" + name, case, "efficient.encoder.onnx", "efficient.decoder.onnx", run_efficient, fourth, SQUARE)
    json.dump(CASES, open(os.path.join(HERE, "cases.json"), "w"), indent=1)
    save_file(LOGITS, os.path.join(HERE, "logits.safetensors"))
    words()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
