import type { Router } from 'express';

export interface ServedRoute {
  /** In capitals, or `_ALL`. */
  readonly method: string;
  /** As it was given to the router: `/Patient/:id/$export`. */
  readonly path: string;
}

interface Layer {
  readonly route?: { readonly path: string | readonly string[]; readonly methods: Readonly<Record<string, boolean>> };
  readonly handle?: { readonly stack?: readonly Layer[] };
}

/** Every route of these routers, however deep it lies. What is said of this server is said from them. */
export function routesOfRouters(routers: readonly Router[]): readonly ServedRoute[] {
  return routers.flatMap((router) => inLayers((router as unknown as { readonly stack: readonly Layer[] }).stack));
}

function inLayers(layers: readonly Layer[]): ServedRoute[] {
  return layers.flatMap(({ route, handle }): ServedRoute[] => {
    if (route === undefined) return inLayers(handle?.stack ?? []);
    const paths = typeof route.path === 'string' ? [route.path] : route.path;
    return paths.flatMap((path) =>
      Object.keys(route.methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
  });
}
