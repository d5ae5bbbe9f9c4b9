/** The metrics of an edge that is made of processes: what Cloudflare does for its own edge is Cloudflare's to tell. */
import type { ProcessState, ProcessesView } from "./processes.ts";
import type { Family } from "./prometheus.ts";

/** Until when a name's certificate counts. */
export interface CertificateEnd {
  /** Empty: any name that no other certificate is for. */
  readonly hostname: string;
  /** Unix milliseconds. */
  readonly notAfter: number;
}

export interface ProcessMetrics extends ProcessesView {
  readonly certificates: readonly CertificateEnd[];
}

/** Of more names, those whose certificates end first. */
const mostCertificates = 1_000;

export function processFamilies({ certificates, processes, tlsFailures }: ProcessMetrics): Family[] {
  const each = (name: string, help: string, type: Family["type"], value: (state: ProcessState) => number): Family => ({
    name,
    help,
    type,
    samples: processes.map((state) => ({ labels: { pid: String(state.pid) }, value: value(state) })),
  });
  const first = certificates.toSorted((a, b) => a.notAfter - b.notAfter).slice(0, mostCertificates);
  return [
    each("process_resident_memory_bytes", "Memory of a process.", "gauge", ({ residentBytes }) => residentBytes),
    each("process_cpu_seconds_total", "CPU that a process took.", "counter", ({ cpuSeconds }) => cpuSeconds),
    each(
      "process_start_time_seconds",
      "When a process began, Unix seconds.",
      "gauge",
      ({ startSeconds }) => startSeconds,
    ),
    {
      name: "edgeway_certificate_not_after_seconds",
      help: "When the certificate that is served for a name ends, Unix seconds.",
      type: "gauge",
      samples: first.map(({ hostname, notAfter }) => ({ labels: { hostname }, value: notAfter / 1000 })),
    },
    {
      name: "edgeway_tls_handshake_failures_total",
      help: "TLS handshakes of callers that failed, by why.",
      type: "counter",
      samples: Object.entries(tlsFailures).map(([reason, value]) => ({ labels: { reason }, value })),
    },
  ];
}
