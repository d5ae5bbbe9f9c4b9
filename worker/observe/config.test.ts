import { expect, test } from "vitest";
import { readObserveConfig } from "./config.ts";

test("nothing is observed unless it is asked for", () => {
  expect(readObserveConfig({})).toEqual({ accessLogRatio: undefined, tracing: undefined });
  expect(readObserveConfig({ EDGEWAY_ACCESS_LOG: "", OTEL_EXPORTER_OTLP_ENDPOINT: "" })).toEqual(readObserveConfig({}));
});

test("OpenTelemetry's own settings say where spans go, and how many", () => {
  const { tracing } = readObserveConfig({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20a%3Db, x = 1",
    OTEL_SERVICE_NAME: "edge",
    OTEL_TRACES_SAMPLER_ARG: "0.25",
  });
  const headers = { authorization: "Bearer a=b", x: "1" };
  expect(tracing).toEqual({ url: "http://collector:4318/v1/traces", headers, serviceName: "edge", ratio: 0.25 });
  const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://c/t", OTEL_EXPORTER_OTLP_ENDPOINT: "http://other" };
  expect(readObserveConfig(own).tracing).toMatchObject({ url: "https://c/t", serviceName: "edgeway", ratio: 1 });
});

test.each([
  ["EDGEWAY_ACCESS_LOG", "all", "is a share from 0 to 1"],
  ["EDGEWAY_ACCESS_LOG", "2", "is a share from 0 to 1"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "is no URL of HTTP"],
])("a mistake is named: %s=%s", (name, value, message) => {
  expect(() => readObserveConfig({ [name]: value })).toThrow(`${name} ${message}`);
});
