# An image that holds vos with its embedded model, and runs as a user without rights.
#
#   docker build -t vos .                                       for CPUs
#   docker build -t vos:cuda --build-arg TORCH_INDEX= .         for NVIDIA GPUs: the package index' own torch
#   docker run --rm -v "$PWD:/work" vos vos.run video=clip.mp4 ref_mask=f0.png
#   docker run --rm --entrypoint demo vos                       the demo of the README, in /tmp of the container
FROM python:3.11-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=openvino

COPY . /opt/vos
RUN python -m pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple} \
        --constraint /opt/vos/constraints.txt "/opt/vos[${EXTRAS}]" \
    && printf '%s\n' '#!/bin/sh' 'set -e' 'cd /opt/vos' \
        'python tools/render/demo_clip.py /tmp/demo' \
        'python -m vos.run video=/tmp/demo/clip.mp4 ref_mask=/tmp/demo/masks/00000.png output_dir=/tmp/demo/result' \
        'python tools/report/score_demo.py /tmp/demo' > /usr/local/bin/demo \
    && chmod +x /usr/local/bin/demo \
    && useradd --create-home --uid 1000 vos

USER 1000
# Downloaded checkpoints and converted networks; a volume keeps them.
ENV TORCH_HOME=/home/vos/.cache/torch
WORKDIR /work
ENTRYPOINT ["python", "-m"]
CMD ["vos.run", "--help"]
