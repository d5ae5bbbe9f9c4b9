import type {
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
} from "@grpc/grpc-js";
import { features, type Feature, type Point } from "./features.ts";

interface Rectangle {
  readonly lo: Point | null;
  readonly hi: Point | null;
}

interface RouteNote {
  readonly location: Point | null;
  readonly message: string;
}

interface RouteSummary {
  readonly pointCount: number;
  readonly featureCount: number;
  readonly distance: number;
  readonly elapsedTime: number;
}

const origin: Point = { latitude: 0, longitude: 0 };
const maxNotesPerPoint = 100;

/** routeguide.RouteGuide. Notes are kept as long as the service runs. */
export function routeGuide() {
  const notes = new Map<string, RouteNote[]>();

  return {
    getFeature(call: ServerUnaryCall<Point, Feature>, answer: sendUnaryData<Feature>) {
      answer(null, featureAt(call.request) ?? { name: "", location: call.request });
    },

    listFeatures(call: ServerWritableStream<Rectangle, Feature>) {
      const { lo, hi } = call.request;
      const contains = rectangle(lo ?? origin, hi ?? origin);
      for (const feature of features) if (contains(feature.location)) call.write(feature);
      call.end();
    },

    recordRoute(call: ServerReadableStream<Point, RouteSummary>, answer: sendUnaryData<RouteSummary>) {
      const begin = performance.now();
      let pointCount = 0;
      let featureCount = 0;
      let distance = 0;
      let last: Point | undefined;
      call.on("data", (point: Point) => {
        pointCount += 1;
        if (featureAt(point)) featureCount += 1;
        if (last) distance += metres(last, point);
        last = point;
      });
      call.on("end", () => {
        const elapsedTime = Math.round((performance.now() - begin) / 1000);
        answer(null, { pointCount, featureCount, distance: Math.round(distance), elapsedTime });
      });
    },

    routeChat(call: ServerDuplexStream<RouteNote, RouteNote>) {
      call.on("data", (note: RouteNote) => {
        const here = key(note.location ?? origin);
        const left = notes.get(here) ?? [];
        for (const earlier of left) call.write(earlier);
        call.write(note);
        if (left.length < maxNotesPerPoint) notes.set(here, [...left, note]);
      });
      call.on("end", () => call.end());
    },
  };
}

function key({ latitude, longitude }: Point): string {
  return `${latitude} ${longitude}`;
}

const byPoint = new Map(features.map((feature) => [key(feature.location), feature]));

function featureAt(point: Point): Feature | undefined {
  return byPoint.get(key(point));
}

function rectangle(a: Point, b: Point): (point: Point) => boolean {
  const [south, north] = [Math.min(a.latitude, b.latitude), Math.max(a.latitude, b.latitude)];
  const [west, east] = [Math.min(a.longitude, b.longitude), Math.max(a.longitude, b.longitude)];
  return ({ latitude, longitude }) => latitude >= south && latitude <= north && longitude >= west && longitude <= east;
}

function radians(e7: number): number {
  return (e7 / 1e7) * (Math.PI / 180);
}

/** Along a great circle, by the haversine formula. */
function metres(from: Point, to: Point): number {
  const dLatitude = radians(to.latitude - from.latitude);
  const dLongitude = radians(to.longitude - from.longitude);
  const a =
    Math.sin(dLatitude / 2) ** 2 +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * Math.sin(dLongitude / 2) ** 2;
  return 2 * 6_371_000 * Math.asin(Math.sqrt(a));
}
