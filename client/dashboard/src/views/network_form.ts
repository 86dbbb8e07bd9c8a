// The network of a new job: one that is there, or one that is described here and
// made with a button. What is described is checked by the server as it is typed.

import { EVERYBODY, get, pages, post, requestId } from '../core/api';
import { field, h, setText } from '../core/dom';
import { architecture, id, thousands, words } from '../core/format';
import { clearErrors, showErrors, type Controls } from '../core/form';
import type { Network } from '../core/types';
import { networkSpec, WITH_LOSS, type Preset } from './presets';

const CHECK_MS = 250;
const ACTIVATIONS = ['SIGMOID', 'RELU', 'TANH', 'LEAKY_RELU', 'GELU', 'SOFTPLUS', 'LINEAR'];
const OUTPUTS: [string, string][] = [[WITH_LOSS, 'as goes with the loss'], ...[...ACTIVATIONS, 'SOFTMAX'].map((value): [string, string] => [value, words(value)])];
const LOSSES = ['TOTAL_SQUARED_ERROR', 'CROSS_ENTROPY'];
const INITIALIZERS: [string, string][] = [['notebook', 'uniform, −0.5 to 0.5'], ['unit', 'uniform, 0 to 1'], ['xavier', 'xavier'], ['he', 'he'], ['zeros', 'zeros']];

interface NetworkPage { networks: Network[]; nextPageToken?: string }

const option = (value: string, text: string) => h('option', { value }, text);

export class NetworkForm {
  readonly select = h('select', {});
  readonly element: HTMLElement;
  private readonly name = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' });
  private readonly layers = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', inputmode: 'numeric' });
  private readonly activation = h('select', {}, ...ACTIVATIONS.map((value) => option(value, words(value))));
  private readonly output = h('select', {}, ...OUTPUTS.map(([value, text]) => option(value, text)));
  private readonly loss = h('select', {}, ...LOSSES.map((value) => option(value, words(value))));
  private readonly initializer = h('select', {}, ...INITIALIZERS.map(([value, text]) => option(value, text)));
  private readonly bias = h('input', { type: 'checkbox', checked: true });
  private readonly summary = h('p', { class: 'muted', 'aria-live': 'polite' });
  private readonly problem = h('p', { class: 'field-error', role: 'alert' });
  private readonly button = h('button', { type: 'button' }, 'Create this network');
  private readonly fresh: HTMLElement;
  private readonly controls: Controls = {
    network_id: this.name, 'network.spec.layers': this.layers, 'network.spec.input_count': this.layers,
    'network.spec.initializer': this.initializer, 'network.spec.loss': this.loss,
  };
  private networks: Network[] = [];
  private timer = 0;

  constructor(private readonly onChoice: () => void) {
    this.fresh = h('div', { class: 'sub-form' },
      h('div', { class: 'grid-2' },
        field('Name of the network', this.name), field('Layers', this.layers, 'Units from the input to the output.'),
        field('Activation', this.activation, 'Of the hidden layers.'), field('Output', this.output, 'Linear where real values are fitted.'),
        field('Loss', this.loss),
        field('First weights', this.initializer), h('label', { class: 'check' }, this.bias, ' biases')),
      this.summary, this.problem, h('div', { class: 'actions' }, this.button));
    this.element = h('div', {}, field('Network', this.select), this.fresh);
    this.select.addEventListener('change', () => this.chosen());
    this.fresh.addEventListener('input', () => this.checkSoon());
    this.button.addEventListener('click', () => void this.create());
  }

  /** '' while the network is only described. */
  get value(): string {
    return this.select.value;
  }

  get current(): Network | undefined {
    return this.networks.find((network) => network.name === this.value);
  }

  async load(): Promise<void> {
    const found: Network[] = [];
    await pages<NetworkPage>(`${EVERYBODY}/networks`, (page) => found.push(...page.networks));
    this.networks = found.reverse();
    this.offer('');
  }

  /** Takes the network of that name and these layers; describes it where there is none. */
  propose(network: Preset['network']): void {
    const wanted = network.layers.replace(/,/g, '-');
    const same = this.networks.find((each) => id(each.name).startsWith(network.id) && architecture(each.spec) === wanted && each.spec.loss === network.loss);
    this.layers.value = network.layers.replace(/,/g, ', ');
    this.activation.value = network.activation;
    this.output.value = network.output;
    this.loss.value = network.loss;
    this.initializer.value = network.initializer;
    this.bias.checked = network.bias;
    this.name.value = this.networks.some((each) => id(each.name) === network.id) ? `${network.id}-2` : network.id;
    this.select.value = same?.name ?? '';
    this.chosen();
  }

  private described(): Preset['network'] {
    return {
      id: this.name.value.trim(), layers: this.layers.value, activation: this.activation.value, output: this.output.value,
      loss: this.loss.value, initializer: this.initializer.value, bias: this.bias.checked,
    };
  }

  private offer(chosen: string): void {
    this.select.replaceChildren(
      ...this.networks.map((network) => option(network.name, `${id(network.name)}: ${architecture(network.spec)}, ${words(network.spec.layers[0].activation)}`)),
      option('', 'A new network …'));
    this.select.value = chosen;
  }

  private chosen(): void {
    this.fresh.hidden = this.value !== '';
    if (this.value === '') this.checkSoon();
    this.onChoice();
  }

  private checkSoon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.check(), CHECK_MS);
  }

  private async check(): Promise<void> {
    try {
      const network = await this.send(true);
      clearErrors(this.controls, this.problem);
      const shapes = network.layerShapes.map((shape) => `${shape.inputCount} × ${shape.unitCount} ${words(shape.activation)}`);
      setText(this.summary, `${shapes.join(', ')}: ${thousands(network.parameterCount)} parameters`);
    } catch (error) {
      setText(this.summary, '');
      showErrors(this.controls, this.problem, error);
    }
  }

  private async create(): Promise<void> {
    try {
      const made = await this.send(false);
      this.networks.unshift(await get<Network>(made.name));
      this.offer(made.name);
      this.chosen();
    } catch (error) {
      showErrors(this.controls, this.problem, error);
    }
  }

  private send(dry: boolean): Promise<Network> {
    const described = this.described();
    const query = { network_id: described.id, request_id: dry ? undefined : requestId(), validate_only: dry || undefined };
    return post<Network>('users/me/networks', { spec: networkSpec(described) }, query);
  }
}
