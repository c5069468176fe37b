# Vigie in an image: one binary on distroless, not root, nothing written outside /var/lib/vigie.
#
#   docker build -t vigie .
#   docker run --read-only -v "$PWD/config:/etc/vigie:ro" -p 9743:9743 vigie

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# Crates and what was compiled of them stay in the builder's cache from one build to the next.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked --bin vigie \
    && install -D target/dist/vigie /out/usr/local/bin/vigie \
    && install -d -o 65532 -g 65532 /out/var/lib/vigie

# glibc and libgcc, root certificates, time zones; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="Vigie" \
      org.opencontainers.image.description="Keeps every line of a deployment checklist true, and says so to Prometheus." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out /
# glibc opens an arena for each core; two are enough, and the memory of a burst goes back.
ENV MALLOC_ARENA_MAX=2
USER 65532:65532
WORKDIR /var/lib/vigie
EXPOSE 9743
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/vigie", "healthy"]
ENTRYPOINT ["/usr/local/bin/vigie"]
CMD ["run", "-c", "/etc/vigie/vigie.yaml"]
