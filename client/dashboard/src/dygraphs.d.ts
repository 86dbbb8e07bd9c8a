// The part of dygraphs (Debian's libjs-dygraphs) that the page uses.
declare module 'dygraphs' {
  export interface Point { name: string; xval: number; yval: number }

  export interface AxisOptions {
    axisLabelFormatter?: (value: number, granularity: number, options: unknown, graph: Dygraph) => string;
    axisLabelWidth?: number;
    pixelsPerLabel?: number;
  }

  export interface Options {
    file?: (number | null)[][];
    labels?: string[];
    colors?: string[];
    logscale?: boolean;
    dateWindow?: [number, number] | null;
    valueRange?: [number | null, number | null] | null;
    axes?: { x?: AxisOptions; y?: AxisOptions };
    series?: Record<string, { strokePattern?: number[] | null; strokeWidth?: number }>;
    strokeWidth?: number;
    drawPoints?: boolean;
    pointSize?: number;
    connectSeparatedPoints?: boolean;
    gridLineColor?: string;
    axisLineColor?: string;
    axisLabelFontSize?: number;
    xRangePad?: number;
    yRangePad?: number;
    animatedZooms?: boolean;
    legend?: 'never';
    width?: number;
    height?: number;
    highlightCircleSize?: number;
    highlightCallback?: (event: MouseEvent, x: number, points: Point[], row: number) => void;
    unhighlightCallback?: () => void;
    zoomCallback?: (from: number, to: number) => void;
  }

  export default class Dygraph {
    static PLUGINS: unknown[];
    static Plugins: { Legend: unknown };
    constructor(element: HTMLElement, data: (number | null)[][], options: Options);
    updateOptions(options: Options, blockRedraw?: boolean): void;
    xAxisRange(): [number, number];
    yAxisRange(): [number, number];
    xAxisExtremes(): [number, number];
    isZoomed(axis?: 'x' | 'y'): boolean;
    resetZoom(): void;
    resize(): void;
    destroy(): void;
  }
}
