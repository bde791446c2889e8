# One image for every party: which one a container is, its start-up kit at /kit says. docs/deploy.md has the commands.
#
# The base is pinned by tag and by the digest that public reference text gives for it. To check or renew it:
#     docker buildx imagetools inspect python:3.11.15-slim-bookworm
FROM python:3.11.15-slim-bookworm@sha256:d29f48a31a8b408ed19272ca1e7b10ebae13b240a27e862d3d4217c528e2e0c3 AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY proofward proofward
RUN python -m venv --without-pip /opt/venv \
    && pip wheel --no-deps --wheel-dir /wheels . \
    && pip --python /opt/venv/bin/python install --only-binary=:all: --no-binary=pyhocon --constraint constraints.txt "$(ls /wheels/proofward-*.whl)[flare]"
# Kernels are compiled for the processor of the machine that builds; another kind of processor compiles its own at the
# first start, into /tmp. Their cache goes by the path and the time of the source files: so the line leaves /src and asks
# with -P for the installed package, and the times are set, since image layers keep whole seconds only.
RUN find /opt/venv/lib/python3.11/site-packages/proofward -name "*.py" -exec touch --date=@1700000000 {} + \
    && python -m compileall -q -f /opt/venv/lib/python3.11/site-packages/proofward \
    && cd / && NUMBA_CACHE_DIR=/opt/kernels /opt/venv/bin/python -P -c "from rich.console import Console; from proofward.cli.common.kernels import load_kernels; load_kernels(Console())" \
    && chmod -R a+rX /opt/kernels /opt/venv

FROM python:3.11.15-slim-bookworm@sha256:d29f48a31a8b408ed19272ca1e7b10ebae13b240a27e862d3d4217c528e2e0c3
RUN groupadd --gid 10001 proofward \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin proofward
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/kernels /opt/kernels
# Nothing is written but to /kit and /tmp, so the root file system may be read-only.
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp NUMBA_CACHE_DIR=/tmp/kernels PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
USER 10001:10001
STOPSIGNAL SIGTERM
# Unhealthy: something needs the operator. What it is stays in the kit: an engine keeps and shows a check's output.
HEALTHCHECK --interval=300s --timeout=60s --start-period=120s --retries=2 \
    CMD ["/bin/sh", "-c", "exec proofward status /kit --json > /dev/null"]
ENTRYPOINT ["/bin/sh", "-c", "[ -d \"$NUMBA_CACHE_DIR\" ] || cp -R /opt/kernels \"$NUMBA_CACHE_DIR\"; exec proofward \"$@\"", "proofward"]
CMD ["start", "/kit"]
