# The five services and the commands that prepare them: one image, told by its command what to be.
#
# Nothing of the build stage but the finished environment is in it: no compiler, no pip, no index. It runs as user 1000
# on a root file system that may be read-only; what it keeps is in PostgreSQL and Kafka.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# The lock holds the tools of development, too. Everything is got by its hash; then the project takes what it needs to
# run from there, and no index is asked.
COPY requirements.lock ./
RUN pip download --require-hashes --only-binary :all: --requirement requirements.lock --dest /wheels
COPY pyproject.toml README.md ./
COPY pulang pulang
COPY services services
COPY shared shared
RUN python -m venv --without-pip /opt/pulang \
 && pip --python /opt/pulang/bin/python install --no-index --find-links /wheels . \
 && /opt/pulang/bin/python -m compileall -q /opt/pulang/lib

FROM python:3.11.14-slim-bookworm
# Where secrets come in: a volume takes owner and mode of the folder that it is mounted on.
RUN useradd --uid 1000 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin pulang \
 && for owner in authority postgres kafka oidc intake shelter aid psychosocial exchange; do \
        install -d -o 1000 -g 1000 -m 0700 "/run/pulang/secrets/$owner"; \
    done \
 && chown 1000:1000 /run/pulang/secrets && chmod 0700 /run/pulang/secrets
COPY --from=build /opt/pulang /opt/pulang
ENV PATH=/opt/pulang/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 1000:1000
# What it is to be, and how its health is looked at, is said in compose.yaml.
CMD ["pulang", "--help"]
