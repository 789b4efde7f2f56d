# docker build -t angle-bench .                  for a CPU
# docker build -t angle-bench --target cuda .    for CUDA: docker run --gpus all …
# docker run --rm -v "$PWD:/work" angle-bench run -m all-MiniLM-L6-v2 -t demo
FROM python:3.12-slim AS source
WORKDIR /source
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY angle_bench angle_bench
COPY tasks tasks
ENV PIP_NO_CACHE_DIR=1 HF_HOME=/work/.cache/huggingface ANGLE_BENCH_CACHE=/work/.cache/angle-bench
ENTRYPOINT ["angle-bench"]

FROM source AS cuda
# torch's wheels bring CUDA; the driver is the host's
RUN pip install -c constraints.txt '.[demo]'
WORKDIR /work

FROM source AS cpu
RUN pip install -c constraints.txt torch --index-url https://download.pytorch.org/whl/cpu \
    && pip install -c constraints.txt '.[demo]'
WORKDIR /work
