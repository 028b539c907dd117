# One binary on a base without a shell. Build with: docker build -t bastion .
#
# The build stage calls the same make target as a developer does, so there is one description of the build.

FROM docker.io/library/node:22-bookworm-slim AS node

FROM docker.io/library/rust:1.95-bookworm AS build
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
WORKDIR /src
COPY . .
RUN make dist
# An empty data folder that belongs to the user below: the base has no shell that could make one.
RUN install -D --mode=0755 target/dist/bastion /out/bastion && install -d --mode=0700 /out/data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/bastion /usr/local/bin/bastion
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /var/lib/bastion
USER 65532:65532
VOLUME /var/lib/bastion
EXPOSE 2222 6443 8443
ENTRYPOINT ["/usr/local/bin/bastion"]
CMD ["serve", "--config", "/etc/bastion/bastion.yaml"]
