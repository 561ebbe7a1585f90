# One image for the API, the workers and the migrations: docker-compose.yml shows the commands.
FROM node:22-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm install --no-save --omit=dev

FROM node:22-bookworm-slim
# As the scripts of package.json have it: docs/operations.md, Memory.
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data MALLOC_ARENA_MAX=2
WORKDIR /app
COPY --from=packages --chown=node:node /app/node_modules node_modules
COPY --chown=node:node . .
RUN install -d -o node -g node /data /app/.cache \
 && su node -c 'PRISMA_SCHEMA_ENGINE_BINARY=/usr/local/bin/node node node_modules/prisma/build/index.js generate'
USER node
VOLUME /data
EXPOSE 8080 8081
# The program itself is process 1 and gets the signals.
ENTRYPOINT ["node", "cli/run.mjs"]
CMD ["api"]
