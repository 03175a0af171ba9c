# A small image with the programs, run by a user without rights. It is a batch job, not a server: its health is its
# exit code, which is that of the program (0: all is well; see README).
#
#   docker build --tag skol_classifier .
#   mkdir -p output
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD/texts:/texts:ro" --volume "$PWD/output:/output" skol_classifier /texts
#
# With the programs of a cluster (see examples/cluster):
#
#   docker build --build-arg FEATURES=cluster --tag skol-classifier:cluster .
FROM rust:1.95-slim-bookworm AS build
WORKDIR /source
COPY . .
ARG FEATURES=""
# PROFILE=release is quicker to build and larger.
ARG PROFILE=dist
# The image has the C compiler that zstd and ring need, and nothing else is asked for.
RUN cargo build --locked --profile "$PROFILE" --bins --features "$FEATURES" \
    && mkdir /programs \
    && find "target/$PROFILE" -maxdepth 1 -type f -executable -name '*_*' ! -name '*.so' -exec cp {} /programs/ \;

FROM debian:bookworm-slim
# For connections to https://; the certificates of a company can be mounted over them.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /work --create-home skol \
    && mkdir /output && chown skol /output
COPY --from=build /programs/ /usr/local/bin/
USER skol
WORKDIR /work
ENV SKOL_OUTPUT=/output NO_PROGRESS=true
VOLUME /output
STOPSIGNAL SIGTERM
ENTRYPOINT ["predict_classifier"]
