#!/bin/bash
# Packs a training of the whole miniature for a GPU machine without network: run in the project's root, then run there what it prints.
#   assets/miniature/recipe/pack_for_gpu.sh
# This kit with the weights beside it (as model/, to go on from) and the four Python packages that a bare PyTorch machine lacks go into .gpu/, which git ignores.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
grep -qx '/.gpu/' .git/info/exclude 2>/dev/null || echo '/.gpu/' >> .git/info/exclude
rm -rf .gpu && mkdir -p .gpu/kit/model && cp "$here"/*.py "$here"/on_gpu.sh .gpu/kit
cp -r "$here"/../{tokenizer,text_encoder,unet,vae,scheduler} .gpu/kit/model   # half precision; loading them makes float32 of it
python3 -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
  --platform manylinux2014_x86_64 -d .gpu/whl diffusers==0.28.0 transformers==4.41.2 huggingface_hub==0.23.4 tokenizers==0.19.1
du -sh .gpu
cat <<'T'
Take the work tree with .gpu/ there (PyTorch, numpy and pillow are expected; Python 3.12) and run, with OUT an empty folder; it ends within 600 s:
  python3 -m pip install -q --no-index --no-deps --target /tmp/site .gpu/whl/*.whl && export PYTHONPATH=/tmp/site && bash .gpu/kit/on_gpu.sh .gpu/kit $OUT && tail -n 40 $OUT/log
Back here: cat OUT/miniature.tar.* | tar x    gives model/ (float32) and concepts/; look at samples.png and concepts.png before anything takes their place.
T
