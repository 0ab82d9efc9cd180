# Build:  docker build -t lossd .          (podman build --format docker, buildah bud --format docker)
# Run:    docker run --read-only --tmpfs /tmp -p 50051:50051 lossd
# Guide:  docs/deploy.md
#
# Pin the base by digest for a release: --build-arg BASE=python:3.11-slim-bookworm@sha256:...
ARG BASE=python:3.11-slim-bookworm

# --- requirements: so that only a changed requirement, not any change of pyproject.toml, counts below --
# hadolint ignore=DL3006
FROM ${BASE} AS requirements

# Extras of pyproject.toml, by spaces: "server metric-learning" brings what computes the metric-learning losses.
ARG EXTRAS="server metrics"

WORKDIR /src
COPY pyproject.toml ./
RUN python3 -c "import sys, tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*p['dependencies'], *(x for e in sys.argv[1:] for x in p['optional-dependencies'][e]), sep='\n')" ${EXTRAS} \
    > requirements.txt

# --- dependencies: everything that is not lossd, in a layer that code changes leave alone -------------
# hadolint ignore=DL3006
FROM ${BASE} AS dependencies

# Where the torch wheel comes from: PyTorch's public index of CPU builds. Empty means pip's own
# index (PyPI), whose Linux x86-64 wheel runs on a CPU too but brings the CUDA libraries along.
ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_COMPILE=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PIP_CONSTRAINT=/src/constraints.txt

WORKDIR /src
COPY constraints.txt ./

# pip lives in a venv of its own and installs into the other one, so the image never holds it.
# torch goes in alone (--no-deps): its index must not become a source of any other package.
RUN python3 -m venv /opt/pip \
    && python3 -m venv --without-pip /opt/lossd \
    && /opt/pip/bin/pip --python /opt/lossd/bin/python install --no-deps \
        ${TORCH_INDEX_URL:+--index-url "${TORCH_INDEX_URL}"} torch

COPY --from=requirements /src/requirements.txt ./
RUN /opt/pip/bin/pip --python /opt/lossd/bin/python install --requirement requirements.txt \
    && /opt/pip/bin/pip --python /opt/lossd/bin/python check

# Byte code is trusted by content, not by time: the root is read-only, so stale files would be
# recompiled at every start, and a reproducible build sets every time stamp to the same value.
# (-x: torch ships a file, py312_..., in the syntax of a newer Python, which nothing here imports.)
RUN /opt/lossd/bin/python -m compileall -q -j 0 -x '/py3[0-9]+_' \
        --invalidation-mode unchecked-hash /opt/lossd/lib

# --- build: lossd itself, under a root of its own ------------------------------------------------------
FROM dependencies AS build

COPY pyproject.toml README.md LICENSE ./
COPY client client
COPY server server
RUN /opt/pip/bin/pip --python /opt/lossd/bin/python install --no-deps --no-warn-script-location --root /image . \
    && /opt/lossd/bin/python -m compileall -q --invalidation-mode unchecked-hash /image/opt/lossd/lib

# --- the image -----------------------------------------------------------------------------------------
# hadolint ignore=DL3006
FROM ${BASE}

# Neither pip nor its bundled wheels: what cannot be installed cannot be swapped at run time.
# (The first line is python:*-slim, the second a Debian base with its own Python.)
# The two directories are open like /tmp: a tmpfs mounted on one takes its mode, and a cluster may
# choose the user.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip \
        /usr/bin/pip* /usr/lib/python3*/ensurepip /usr/share/python-wheels \
    && groupadd --gid 10001 lossd \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /home/lossd \
        --shell /usr/sbin/nologin lossd \
    && install -d -m 1777 /home/lossd /var/cache/lossd

COPY --from=dependencies /opt/lossd /opt/lossd
COPY --from=build /image/ /

# Everything that is ever written goes to one of /tmp, /home/lossd, /var/cache/lossd: mount those
# (tmpfs, emptyDir) and run with a read-only root.
ENV PATH=/opt/lossd/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TMPDIR=/tmp \
    HOME=/home/lossd \
    XDG_CACHE_HOME=/var/cache/lossd \
    TORCHINDUCTOR_CACHE_DIR=/var/cache/lossd/torchinductor \
    TRITON_CACHE_DIR=/var/cache/lossd/triton \
    CUDA_CACHE_PATH=/var/cache/lossd/cuda

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="lossd" \
      org.opencontainers.image.description="Exact PyTorch losses, gradients and training steps as a gRPC service." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

WORKDIR /home/lossd
USER 10001:10001
EXPOSE 50051 9464

# Healthy means that a device can evaluate, not only that the port answers.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "lossd_server.probe", "127.0.0.1:50051", "lossd.v1.EvaluationService"]

# A container is reached from outside itself, so loopback would be useless; plain text beyond
# loopback has to be asked for, so it is said here. For TLS replace these flags (docs/deploy.md).
ENTRYPOINT ["lossd", "serve"]
CMD ["--address", "0.0.0.0:50051", "--metrics-address", "0.0.0.0:9464", "--insecure"]
