# Cuelight as an image: `docker build -t cuelight .`, then `docker run cuelight` (docs/deploy/docker.md).
# tests/deploy/test_image.py runs the steps below in a clean environment, so plain RUN, COPY and ENV are enough here.

# For a build that can be repeated, name the digest as well:
#   docker build --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:… .
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src

# What we build with, and what we build on: exact versions, each file by its hash, nothing compiled from source.
COPY requirements.lock ./
COPY deploy/build.lock deploy/
RUN python -m venv /opt/build && \
    /opt/build/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r deploy/build.lock
RUN python -m venv --without-pip /opt/cuelight && \
    /opt/build/bin/pip --python /opt/cuelight/bin/python install --no-cache-dir --no-compile \
      --require-hashes --only-binary :all: -r requirements.lock

# Ours comes last: a change of the code does not install everything again.
COPY pyproject.toml README.md ./
COPY domain domain
COPY storage storage
COPY gateways gateways
COPY rooms rooms
COPY handlers handlers
COPY web web
COPY simulators simulators
COPY daemon daemon
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . && \
    /opt/build/bin/pip --python /opt/cuelight/bin/python install --no-cache-dir --no-compile --no-index --no-deps \
      /wheels/*.whl
# The program may not write beside itself, so the bytecode is made here; it is never checked against the sources.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/cuelight/lib

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Cuelight" \
      org.opencontainers.image.description="Channel points become timed VIPs, and nothing is lost." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

COPY --from=build /opt/cuelight /opt/cuelight
# A user by number: Kubernetes can see that it is not root. The only folder that it may write to is /data.
RUN install -d -o 10001 -g 10001 -m 0700 /data

ENV PATH=/opt/cuelight/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/data \
    DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=8080 \
    LOG_FORMAT=json

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM

# Liveness, not readiness: a restart does not mend Redis. Python asks, for there is no curl here.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
  CMD ["python", "-I", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]

ENTRYPOINT ["cuelight"]
CMD ["run"]
