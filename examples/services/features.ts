/** Degrees times 10^7. */
export interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

export interface Feature {
  readonly name: string;
  readonly location: Point;
}

/** Railway stations along the line from Geneva to St. Gallen. */
export const features: readonly Feature[] = [
  feature("Genève", 46.2102, 6.1424),
  feature("Nyon", 46.3838, 6.2351),
  feature("Lausanne", 46.5168, 6.6291),
  feature("Palézieux", 46.5427, 6.8379),
  feature("Fribourg", 46.8032, 7.1511),
  feature("Bern", 46.9488, 7.4391),
  feature("Olten", 47.3519, 7.9077),
  feature("Aarau", 47.3914, 8.0513),
  feature("Zürich HB", 47.3779, 8.5402),
  feature("Zürich Flughafen", 47.4502, 8.5623),
  feature("Winterthur", 47.5003, 8.7237),
  feature("Wil", 47.4622, 9.0412),
  feature("Gossau", 47.4134, 9.2529),
  feature("St. Gallen", 47.4232, 9.3698),
];

function feature(name: string, latitude: number, longitude: number): Feature {
  return { name, location: { latitude: Math.round(latitude * 1e7), longitude: Math.round(longitude * 1e7) } };
}
