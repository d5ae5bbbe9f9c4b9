/** What the page is told, in types. */
import type { AuthorityView } from "../admin/console-authority.ts";
import type { ServicesView } from "../admin/console-services.ts";
import type { TrafficView } from "../observe/traffic.ts";
import type { History } from "./traffic.js";

export interface Overview extends AuthorityView {
  /** The edge's time, Unix milliseconds. */
  readonly now: number;
  /** Of the table that calls go by. */
  readonly revision: string;
}

export interface TrafficPage extends Omit<TrafficView, "totals"> {
  readonly now: number;
}

export interface Services extends ServicesView {
  /** Hostnames of the table. */
  readonly hosts: readonly string[];
}

/** What a view of the page is made of. */
export interface View {
  readonly element: HTMLElement;
  /** Told what is new. */
  update(state: State): void;
  /** The window's size changed. */
  resize?(): void;
  close?(): void;
}

export interface State {
  readonly overview: Overview;
  readonly traffic: TrafficPage;
  readonly history: History;
}

declare global {
  interface PlotOptions {
    readonly width: number;
    readonly height: number;
    readonly cursor: object;
    readonly legend: object;
    readonly scales: { readonly y: { range(plot: unknown, min: number, max: number): [number, number] } };
    readonly axes: readonly (Record<string, unknown> & { values?(plot: unknown, values: number[]): string[] })[];
    readonly series: readonly (object & { value?(plot: unknown, value: number | null): string })[];
  }
  /** The part of uPlot that is used. */
  class uPlot {
    constructor(options: PlotOptions, data: unknown, target: HTMLElement);
    setData(data: unknown): void;
    setSize(size: { width: number; height: number }): void;
    destroy(): void;
  }
}
