import type express from 'express';

export interface AppRoute {
  readonly method: string;
  /** As it was given to the router: `/Patient/:id/$export`. */
  readonly path: string;
}

interface Layer {
  readonly route?: { readonly path: string | readonly string[]; readonly methods: Readonly<Record<string, boolean>> };
  readonly handle?: { readonly stack?: readonly Layer[] };
}

/** Every route that an app knows, however deep its router lies; what is mounted stands without its mount path. */
export function routesOf(app: express.Express): readonly AppRoute[] {
  return inLayers((app.router as unknown as { stack: readonly Layer[] }).stack);
}

function inLayers(layers: readonly Layer[]): AppRoute[] {
  return layers.flatMap(({ route, handle }): AppRoute[] => {
    if (route === undefined) return inLayers(handle?.stack ?? []);
    const paths = typeof route.path === 'string' ? [route.path] : route.path;
    return paths.flatMap((path) =>
      Object.keys(route.methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
  });
}
