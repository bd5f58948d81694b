# syntax=docker/dockerfile:1

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends make perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# .dockerignore leaves out rust-toolchain.toml, because the image has the toolchain.
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --profile dist --locked --bin customary \
    && install -D --strip target/dist/customary /out/customary \
    && install -d /out/data

# The binary contains SQLite, OpenSSL and libpq. It needs only libc and certificates.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/customary /usr/local/bin/customary
COPY --from=build --chown=10001:10001 /out/data /data
USER 10001:10001
VOLUME /data
EXPOSE 8080
# The service listens on all addresses, so it does not start without CUSTOMARY_MASTER_KEY or
# CUSTOMARY_MASTER_KEY_FILE.
ENV CUSTOMARY_DATA_DIR=/data CUSTOMARY_LISTEN=0.0.0.0:8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/ready HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
# After SIGTERM the service stops cleanly within 9 seconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["customary"]
CMD ["serve"]
