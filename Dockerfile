# An image with the program, as docs/install.md tells.
FROM rust:1.94.1-slim-trixie AS build
WORKDIR /source
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY benches benches
COPY tests tests
RUN cargo build --release --locked --bin release-tool

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /source/target/release/release-tool /usr/local/bin/release-tool
WORKDIR /work
ENTRYPOINT ["release-tool"]
