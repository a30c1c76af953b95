# What runs dbt in a container or a pod: Lockgate with its extra `dbt`, and nothing that can be changed while it runs.
# Build it from the top of the repository, after `python -m hatchling build -t wheel -d ../../dist` in packages/lockgate:
#     docker build -f deploy/images/dbt.Dockerfile -t lockgate-dbt:0.1.0 .
FROM python:3.11.13-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY locks/runtime.txt dist/lockgate-0.1.0-py3-none-any.whl /build/
RUN python -m venv /opt/lockgate \
    && /opt/lockgate/bin/pip install --require-hashes --requirement /build/runtime.txt \
    && /opt/lockgate/bin/pip install --no-deps /build/lockgate-0.1.0-py3-none-any.whl

FROM python:3.11.13-slim-bookworm

LABEL org.opencontainers.image.title="lockgate-dbt" org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/lockgate/bin:$PATH PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/lockgate /opt/lockgate
# A volume that is mounted here takes over these rights, whichever account the container has.
RUN mkdir -p /lockgate/work && chmod 1777 /lockgate/work
WORKDIR /lockgate/work
USER 65532:65532
