"""Writes reward/: a small ImageReward with random weights, as its authors' files are (ImageReward.pt, med_config.json, and
BERT's vocab.txt beside them), and numbers.json: what transformers' BLIP computes of two pictures and three prompts.

Both transformers are transformers' own (BlipVisionModel, BlipTextModel); their tensors are saved by the names that ImageReward
has. Above them stands the chain of linear layers of ImageReward.py, numbered as its Sequential numbers them, and its mean and
deviation. Weights are saved in half precision; numbers are computed in f32 from those very weights. Pictures are the formula of
make.py, prepared as torchvision does it: Pillow's bicubic, and a middle that is rounded to even. `vision_head_width` is no
setting of ImageReward's file: it says here that the small one's heads are narrower than the real one's.
Run with transformers 5.24, torch 2.15 and Pillow, in this folder: python make_reward.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from transformers import BertTokenizer, BlipTextConfig, BlipVisionConfig
from transformers.models.blip.modeling_blip import BlipVisionModel
from transformers.models.blip.modeling_blip_text import BlipTextModel

torch.set_num_threads(1)
torch.manual_seed(19)
SIDE, PATCH, WIDE, WIDTH = 32, 8, 32, 24
MEAN, DEVIATION = 0.16717362830052426, 1.0333394966054072
LIGHT, SPREAD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
PROMPTS = ["A cat and a dog on the beach.", "two Toys, in the snöw!", "the cat " * 30]
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] . , ! a the and on in two cat dog toy beach snow ##s ##y ##ow sn to".split()


def picture(width, height):
    """Stripes, slopes and a hard edge."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    red = (x * 7 + y * 3) % 256
    green = np.where((x // 5 + y // 4) % 2 == 0, 220, 30)
    blue = np.where(x > y, (y * 11) % 256, 90)
    return Image.fromarray(np.stack([red, green, blue], 2).astype(np.uint8))


PICTURES = {"wide": picture(61, 45), "small": picture(19, 28)}


def prepared(image):
    width, height = image.size
    short, long = min(width, height), max(width, height)
    other = int(SIDE * long / short)
    size = (other, SIDE) if width > height else (SIDE, other)
    image = image.resize(size, Image.BICUBIC)
    left, top = (int(round((length - SIDE) / 2.0)) for length in size)
    image = image.crop((left, top, left + SIDE, top + SIDE))
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    return ((pixels - torch.tensor(LIGHT)[:, None, None]) / torch.tensor(SPREAD)[:, None, None])[None]


class Chain(nn.Module):
    def __init__(self, widths):
        super().__init__()
        layers = []
        for index, (a, b) in enumerate(zip(widths, widths[1:])):
            layers.append(nn.Linear(a, b))
            if index < len(widths) - 3:
                layers.append(nn.Dropout(0.2))
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


def scattered(model, deviation=0.2):
    for name, parameter in model.named_parameters():
        with torch.no_grad():
            if parameter.dim() > 1:
                parameter.normal_(0, deviation)
            else:
                around = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
                parameter.copy_(around + 0.1 * torch.randn_like(parameter))
            parameter.copy_(parameter.half().float())
    return model.eval()


MED = {
    "architectures": ["BertModel"], "hidden_act": "gelu", "hidden_size": WIDTH, "intermediate_size": 48,
    "layer_norm_eps": 1e-12, "max_position_embeddings": 40, "model_type": "bert", "num_attention_heads": 3,
    "num_hidden_layers": 2, "pad_token_id": 0, "type_vocab_size": 2, "vocab_size": len(WORDS) + 2, "encoder_width": WIDTH,
    "add_cross_attention": True, "vision_head_width": 8,
}
vision = scattered(BlipVisionModel(BlipVisionConfig(
    hidden_size=WIDE, intermediate_size=4 * WIDE, num_hidden_layers=2, num_attention_heads=4, image_size=SIDE,
    patch_size=PATCH, layer_norm_eps=1e-6, hidden_act="gelu", attn_implementation="eager",
)))
text = scattered(BlipTextModel(BlipTextConfig(
    vocab_size=MED["vocab_size"], hidden_size=WIDTH, encoder_hidden_size=WIDE, intermediate_size=48, num_hidden_layers=2,
    num_attention_heads=3, max_position_embeddings=40, is_decoder=True, hidden_act="gelu", layer_norm_eps=1e-12,
    bos_token_id=len(WORDS), sep_token_id=3, pad_token_id=0, eos_token_id=3, attn_implementation="eager",
), add_pooling_layer=False))
chain = scattered(Chain([WIDTH, 16, 12, 8, 4, 1]), 0.4)
projections = {name: scattered(nn.Linear(width, 6)) for name, width in [("vision_proj", WIDE), ("text_proj", WIDTH)]}

TIMM = [
    ("embeddings.class_embedding", "cls_token"), ("embeddings.position_embedding", "pos_embed"),
    ("embeddings.patch_embedding", "patch_embed.proj"), ("post_layernorm", "norm"), ("encoder.layers", "blocks"),
    ("self_attn.projection", "attn.proj"), ("self_attn", "attn"), ("layer_norm", "norm"),
]


def timm(name):
    for ours, theirs in TIMM:
        name = name.replace(ours, theirs)
    return name


state = {f"blip.visual_encoder.{timm(name)}": value for name, value in vision.state_dict().items()}
state |= {f"blip.text_encoder.{name}": value for name, value in text.state_dict().items()}
for name, layer in projections.items():
    state |= {f"blip.{name}.{part}": value for part, value in layer.state_dict().items()}
state |= {f"mlp.{name}": value for name, value in chain.state_dict().items()}
state = {name: value.detach().half() for name, value in state.items()}
# A buffer that the real file has.
state["blip.text_encoder.embeddings.position_ids"] = torch.arange(40)[None]
torch.save(state, "reward/ImageReward.pt")
Path("reward/med_config.json").write_text(json.dumps(MED, indent=1) + "\n")
Path("reward/vocab.txt").write_text("\n".join(WORDS) + "\n")

tokenizer = BertTokenizer(vocab="reward/vocab.txt", do_lower_case=True)
told = []
for prompt in PROMPTS:
    words = tokenizer(prompt, padding="max_length", truncation=True, max_length=35, return_tensors="pt")
    scores = {}
    for name, image in PICTURES.items():
        with torch.no_grad():
            seen = vision(prepared(image)).last_hidden_state
            read = text(
                words.input_ids, attention_mask=words.attention_mask, encoder_hidden_states=seen,
                encoder_attention_mask=torch.ones(seen.shape[:-1], dtype=torch.long), is_decoder=False,
            ).last_hidden_state[:, 0]
            scores[name] = round(((chain(read) - MEAN) / DEVIATION).item(), 6)
    ids = words.input_ids[0][: int(words.attention_mask.sum())].tolist()
    told.append({"prompt": prompt, "ids": ids, "scores": scores})
Path("reward/numbers.json").write_text(json.dumps(told, separators=(",", ":")) + "\n")
