"""Writes clip/, clip_vision/, dino/, dino_registers/, pixels/ and numbers.json: small image encoders with random weights,
pictures as their processors prepare them, and what transformers computes of these.

The folders are as transformers writes them, in half precision; numbers are computed in f32 from those very weights.
DINOv2 with registers is younger than transformers 4.41: its three differences from DINOv2 are written here as transformers
4.48 has them (register tokens behind the class token, positions to a given size, with antialiasing). Pictures are formulas,
which the test has too. Words are the miniature's. Run with transformers 4.41 and torch 2.6, in this folder: python make.py
"""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from transformers import (
    BitImageProcessor, CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer, CLIPVisionConfig,
    CLIPVisionModelWithProjection, Dinov2Config, Dinov2Model,
)

torch.set_num_threads(1)
torch.manual_seed(19)
VOCABULARY = Path("../../../assets/miniature/tokenizer")
PROMPTS = ["a cat and a dog on a beach", "Two toys, in the snow!", ""]


def picture(width, height):
    """Stripes, slopes and a hard edge."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    red = (x * 7 + y * 3) % 256
    green = np.where((x // 5 + y // 4) % 2 == 0, 220, 30)
    blue = np.where(x > y, (y * 11) % 256, 90)
    return Image.fromarray(np.stack([red, green, blue], 2).astype(np.uint8))


PICTURES = {"wide": picture(61, 45), "small": picture(19, 28), "even": picture(64, 64)}


def scattered(model):
    for name, parameter in model.named_parameters():
        with torch.no_grad():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.15)
            else:
                around = 1.0 if "norm" in name and name.endswith("weight") else 0.0
                parameter.copy_(around + 0.1 * torch.randn_like(parameter))
            if "lambda1" in name:
                parameter.add_(0.6)
            parameter.copy_(parameter.half().float())
    return model.eval()


def flat(tensor):
    return [round(value, 6) for value in tensor.flatten().tolist()]


def embeddings(processor, of, folder):
    told = {}
    Path("pixels").mkdir(exist_ok=True)
    for name, image in PICTURES.items():
        plain = processor(image, do_rescale=False, do_normalize=False, return_tensors="np").pixel_values[0]
        pixels = processor(image, return_tensors="pt").pixel_values
        with torch.no_grad():
            told[name] = flat(of(pixels))
        Image.fromarray(plain.transpose(1, 2, 0).astype(np.uint8)).save(f"pixels/{folder}-{name}.png")
    return told


def save(model, processor, folder, torch_file=False):
    shutil.rmtree(folder, ignore_errors=True)
    processor.save_pretrained(folder)
    half = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=half, safe_serialization=not torch_file)


def clip():
    tower = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)
    text = dict(tower, vocab_size=645, max_position_embeddings=20, bos_token_id=643, eos_token_id=644, pad_token_id=644)
    vision = dict(tower, image_size=32, patch_size=8)
    model = scattered(CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)))
    # As the first published ones are: sides as plain numbers.
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    save(model, processor, "clip")
    settings = json.loads(Path("clip/preprocessor_config.json").read_text())
    settings.update(size=32, crop_size=32)
    Path("clip/preprocessor_config.json").write_text(json.dumps(settings, indent=1))
    for name in ["vocab.json", "merges.txt", "special_tokens_map.json"]:
        shutil.copy(VOCABULARY / name, f"clip/{name}")
    tokenizer = CLIPTokenizer(VOCABULARY / "vocab.json", VOCABULARY / "merges.txt", pad_token="<|endoftext|>")
    texts = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, padding="max_length", max_length=20, truncation=True, return_tensors="pt")
        with torch.no_grad():
            texts.append({"prompt": prompt, "embedding": flat(model.get_text_features(**ids))})
    return {"pictures": embeddings(processor, lambda x: model.get_image_features(x)[0], "clip"), "texts": texts}


def clip_vision():
    config = CLIPVisionConfig(
        hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, image_size=40, patch_size=10,
        projection_dim=16, hidden_act="gelu",
    )
    model = scattered(CLIPVisionModelWithProjection(config))
    processor = CLIPImageProcessor(size={"shortest_edge": 40}, crop_size={"height": 40, "width": 40})
    save(model, processor, "clip_vision")
    # What is left where nobody wrote how pictures are prepared.
    Path("clip_vision/preprocessor_config.json").unlink()
    return {"pictures": embeddings(processor, lambda x: model(x).image_embeds[0], "clip_vision")}


def dino():
    config = Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, mlp_ratio=2, image_size=56, patch_size=14,
    )
    model = scattered(Dinov2Model(config))
    processor = BitImageProcessor(
        size={"shortest_edge": 48}, crop_size={"height": 42, "width": 42}, image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    save(model, processor, "dino", torch_file=True)
    return {"pictures": embeddings(processor, lambda x: model(x).pooler_output[0], "dino")}


class WithRegisters(Dinov2Model):
    def __init__(self, config):
        super().__init__(config)
        embeddings = self.embeddings
        embeddings.register_tokens = nn.Parameter(torch.zeros(1, config.num_register_tokens, config.hidden_size))
        plain = embeddings.forward

        def positions(tokens, height, width):
            own = embeddings.position_embeddings
            if tokens.shape[1] == own.shape[1] and height == width:
                return own
            side = int((own.shape[1] - 1) ** 0.5)
            grid = own[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
            size = (height // config.patch_size, width // config.patch_size)
            grid = nn.functional.interpolate(grid, size=size, mode="bicubic", align_corners=False, antialias=True)
            return torch.cat((own[:, :1], grid.permute(0, 2, 3, 1).reshape(1, -1, config.hidden_size)), 1)

        def forward(pixels, bool_masked_pos=None):
            tokens = plain(pixels, bool_masked_pos)
            registers = embeddings.register_tokens.expand(len(tokens), -1, -1)
            return torch.cat((tokens[:, :1], registers, tokens[:, 1:]), 1)

        embeddings.interpolate_pos_encoding, embeddings.forward = positions, forward


def dino_registers():
    config = Dinov2Config(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, mlp_ratio=2, image_size=40, patch_size=8,
        use_swiglu_ffn=True,
    )
    config.num_register_tokens = 3
    model = scattered(WithRegisters(config))
    processor = BitImageProcessor(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32})
    save(model, processor, "dino_registers")
    settings = json.loads(Path("dino_registers/config.json").read_text())
    settings.update(model_type="dinov2_with_registers", architectures=["Dinov2WithRegistersModel"])
    Path("dino_registers/config.json").write_text(json.dumps(settings, indent=1))
    return {"pictures": embeddings(processor, lambda x: model(x).pooler_output[0], "dino_registers")}


told = {"clip": clip(), "clip_vision": clip_vision(), "dino": dino(), "dino_registers": dino_registers()}
Path("numbers.json").write_text(json.dumps(told, separators=(",", ":")) + "\n")
