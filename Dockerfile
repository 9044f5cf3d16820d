# syntax=docker/dockerfile:1
# A small image that runs as nobody. How it was tested: see docs/image.md.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The dependencies first, so that a change of ours does not build them again.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs && echo 'fn main() {}' > build.rs \
    && cargo build --release --locked && rm -rf src build.rs
COPY build.rs askama.tom[l] ./
COPY migrations migrations
COPY static static
COPY templates templates
COPY src src
RUN touch build.rs src/main.rs src/lib.rs && cargo build --release --locked \
    && mkdir -p /image/data && cp target/release/stackdeck /image/

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="Stackdeck" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /image/stackdeck /usr/local/bin/stackdeck
COPY --from=build --chown=65532:65532 --chmod=700 /image/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV STACKDECK_BIND=0.0.0.0:8066 \
    STACKDECK_DATABASE_URL=sqlite:/data/stackdeck.db
EXPOSE 8066
HEALTHCHECK --interval=30s --timeout=6s --start-period=5s CMD ["stackdeck", "healthcheck"]
ENTRYPOINT ["stackdeck"]
CMD ["serve"]
