// Curves against epochs: a live dygraph with a legend of its own, which says the
// last values, or those under the pointer.

import Dygraph, { type Options } from 'dygraphs';
import { h, setText } from '../core/dom';
import { number, thousands } from '../core/format';
import { color, onTheme } from '../core/theme';

// dygraphs' legend writes style attributes, which the page's policy forbids.
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

export interface Curve {
  label: string;
  color: string;
  dashed?: boolean;
  /** values[n - 1] belongs to epoch n. */
  values: (number | undefined)[];
}

export interface CurveOptions {
  title: string;
  /** How a value is written in the legend. */
  format: (value: number) => string;
  /** The same beside the axis, with so many digits after the point. */
  axis: (value: number, digits: number) => string;
  /** What stands in place of a chart without points. */
  empty: string;
}

const FEW_POINTS = 80;

export class CurveChart {
  readonly element: HTMLElement;
  private readonly plot = h('div', { class: 'plot' });
  private readonly legend = h('ul', { class: 'legend' });
  private readonly epochText = h('span', { class: 'muted' });
  private readonly emptyText: HTMLElement;
  private readonly xLabel = h('p', { class: 'x-label muted', 'aria-hidden': 'true' }, 'epoch');
  private curves: Curve[] = [];
  private rows: (number | null)[][] = [];
  private graph: Dygraph | null = null;
  private logarithmic = false;
  private pointed: number | null = null;
  private wasAlone = false;
  // It hears of the element's coming into the page, too: before that, it has no
  // size to draw in.
  private readonly observer = new ResizeObserver(() => {
    if (this.graph) this.graph.resize();
    else if (this.rows.length > 0) this.draw();
  });
  private readonly endTheme: () => void;

  constructor(private readonly options: CurveOptions) {
    this.emptyText = h('p', { class: 'empty-plot' }, options.empty);
    this.element = h('figure', { class: 'curves' },
      h('figcaption', {}, h('h2', {}, options.title), this.epochText, this.buttons()),
      this.legend, h('div', { class: 'plot-frame' }, this.plot, this.emptyText), this.xLabel);
    this.plot.setAttribute('role', 'img');
    this.observer.observe(this.plot);
    this.endTheme = onTheme(() => this.graph?.updateOptions(this.look()));
  }

  setCurves(curves: Curve[]): void {
    this.curves = curves;
    this.rows = rowsOf(curves);
    this.emptyText.hidden = this.rows.length > 0;
    this.xLabel.hidden = this.rows.length === 0;
    if (this.rows.length > 0) this.draw();
    else this.clear();
    this.drawLegend();
  }

  setEmpty(text: string): void {
    setText(this.emptyText, text);
  }

  setLogarithmic(logarithmic: boolean): void {
    this.logarithmic = logarithmic;
    this.graph?.updateOptions({ logscale: logarithmic });
  }

  dispose(): void {
    this.observer.disconnect();
    this.endTheme();
    this.clear();
  }

  private clear(): void {
    this.graph?.destroy();
    this.graph = null;
  }

  private draw(): void {
    const options: Options = {
      labels: ['epoch', ...this.curves.map((curve) => curve.label)],
      colors: this.curves.map((curve) => curve.color),
      series: Object.fromEntries(this.curves.map((curve) =>
        [curve.label, { strokePattern: curve.dashed ? [6, 4] : null }])),
      drawPoints: this.rows.length <= FEW_POINTS,
      logscale: this.logarithmic,
      ...this.alone(),
    };
    if (this.graph) {
      this.graph.updateOptions({ ...options, file: this.rows });
    } else if (this.plot.isConnected) {
      this.graph = new Dygraph(this.plot, this.rows, { ...this.fixed(), ...this.look(), ...options });
    }
    this.plot.setAttribute('aria-label', this.summary());
  }

  /** A first point stands in the middle until there is a second. */
  private alone(): Options {
    if (!this.graph) this.wasAlone = false;
    const alone = this.rows.length === 1;
    const options = alone ? { dateWindow: [this.rows[0][0]! - 1, this.rows[0][0]! + 1] as [number, number] } : this.wasAlone ? { dateWindow: null } : {};
    this.wasAlone = alone;
    return options;
  }

  private fixed(): Options {
    return {
      legend: 'never', pointSize: 2.5, highlightCircleSize: 4.5, animatedZooms: false,
      connectSeparatedPoints: true, xRangePad: 6, yRangePad: 8,
      axes: {
        x: { axisLabelFormatter: (value) => (Number.isInteger(value) && value > 0 ? thousands(value) : ''), pixelsPerLabel: 48 },
        y: { axisLabelFormatter: (value, _granularity, _options, graph) => this.axisLabel(value, graph), axisLabelWidth: 64 },
      },
      highlightCallback: (_event, x) => this.point(x),
      unhighlightCallback: () => this.point(null),
    };
  }

  /** Enough digits to tell neighbouring labels apart. */
  private axisLabel(value: number, graph: Dygraph): string {
    if (this.logarithmic) return number(value, 3);
    const [low, high] = graph.yAxisRange();
    return this.options.axis(value, Math.min(8, Math.max(0, Math.ceil(-Math.log10((high - low) / 8)))));
  }

  private look(): Options {
    const size = parseFloat(getComputedStyle(document.documentElement).fontSize);
    return {
      gridLineColor: color('--grid'), axisLineColor: color('--line'), axisLabelFontSize: Math.round(size * 0.8), strokeWidth: size / 8,
    };
  }

  private summary(): string {
    const last = this.curves.map((curve) => `${curve.label} ${this.valueAt(curve, null)}`);
    return `${this.options.title}, ${this.rows.length} epochs: ${last.join(', ')}`;
  }

  private point(epoch: number | null): void {
    this.pointed = epoch;
    this.drawLegend();
  }

  private valueAt(curve: Curve, epoch: number | null): string {
    const value = epoch === null ? lastOf(curve.values) : curve.values[epoch - 1];
    return value === undefined ? '–' : this.options.format(value);
  }

  private drawLegend(): void {
    setText(this.epochText, this.pointed === null ? '' : `epoch ${thousands(this.pointed)}`);
    const drawn = this.curves.filter((curve) => curve.values.some((value) => value !== undefined));
    this.legend.replaceChildren(...drawn.map((curve) => {
      const line = h('span', { class: curve.dashed ? 'line dashed' : 'line' });
      line.style.setProperty('--line-color', curve.color);
      return h('li', {}, line, curve.label, ' ', h('b', {}, this.valueAt(curve, this.pointed)));
    }));
  }

  private buttons(): HTMLElement {
    const button = (text: string, name: string, press: () => void) =>
      h('button', { class: 'small', type: 'button', 'aria-label': `${name}: ${this.options.title}`, title: name, onclick: press }, text);
    return h('span', { class: 'zoom' },
      button('−', 'Zoom out', () => this.zoom(2)), button('+', 'Zoom in', () => this.zoom(0.5)),
      button('All', 'Show all epochs', () => this.graph?.resetZoom()));
  }

  /** About the right end, where the news are. */
  private zoom(factor: number): void {
    if (!this.graph) return;
    const [low, high] = this.graph.xAxisRange();
    const [first] = this.graph.xAxisExtremes();
    const from = Math.max(first, high - (high - low) * factor);
    if (from <= first) this.graph.resetZoom();
    else this.graph.updateOptions({ dateWindow: [from, high] });
  }
}

function lastOf(values: (number | undefined)[]): number | undefined {
  for (let i = values.length - 1; i >= 0; i -= 1) if (values[i] !== undefined) return values[i];
  return undefined;
}

function rowsOf(curves: Curve[]): (number | null)[][] {
  const longest = Math.max(0, ...curves.map((curve) => curve.values.length));
  const rows: (number | null)[][] = [];
  for (let i = 0; i < longest; i += 1) {
    const row = curves.map((curve) => curve.values[i] ?? null);
    if (row.some((value) => value !== null)) rows.push([i + 1, ...row]);
  }
  return rows;
}
