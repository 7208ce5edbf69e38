/** The scene's own pixels as OpenLayers' plane: column to the right, row downwards (so y = -row). */

const { Projection } = ol.proj;
const { TileGrid } = ol.tilegrid;

/** Projection of a scene: units are pixels; the scale bar knows their size where it is known. */
export function projectionOf(scene) {
  return new Projection({
    code: `pixels-${scene.id}`,
    units: "pixels",
    extent: extentOf(scene),
    metersPerUnit: scene.metres_per_pixel?.[0],
    getPointResolution: (resolution) => resolution,
  });
}

export const extentOf = (scene) => [0, -scene.height, scene.width, 0];

/** Tiles of 256 pixels from the upper left corner; z = 0 is the coarsest level. */
export function tileGridOf(scene) {
  const resolutions = Array.from({ length: scene.levels }, (_, z) => 2 ** (scene.levels - 1 - z));
  return new TileGrid({ extent: extentOf(scene), origin: [0, 0], resolutions, tileSize: scene.tile });
}

/** [column, row] of a point of the plane. */
export const pixelOf = ([x, y]) => [x, -y];

/** What the georeference says of a pixel: [x, y] in the scene's CRS. */
export function groundOf(scene, [col, row]) {
  const [a, b, c, d, e, f] = scene.transform;
  return [a * col + b * row + c, d * col + e * row + f];
}
