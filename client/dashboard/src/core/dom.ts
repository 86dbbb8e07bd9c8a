// Elements, made without a template language: text is always a text node, so no
// data of a user is ever read as markup.

type Child = Node | string | number | null | undefined | false;
type Handler = (event: never) => void;
type Value = string | number | boolean | null | undefined | Handler;

export interface Attributes { [name: string]: Value }

function apply(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (typeof value === 'boolean' && name.startsWith('aria-')) {
      element.setAttribute(name, String(value));
    } else if (value === false) {
      continue;
    } else if (typeof value === 'function') {
      element.addEventListener(name.replace(/^on/, ''), value as unknown as EventListener);
    } else {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
}

function append(element: Element, children: Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(typeof child === 'number' ? String(child) : child);
  }
}

/** An HTML element; attributes that are functions listen: onclick and its kin. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  apply(element, attributes);
  append(element, children);
  return element;
}

/** The same in SVG. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  apply(element, attributes);
  append(element, children);
  return element;
}

/** Puts `children` in place of what an element holds. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  append(element, children);
}

/** The same for what is brought up to date: the focus stays on the link to the
 * same place. */
export function refill(element: Element, ...children: Child[]): void {
  const focused = document.activeElement;
  const target = focused && element.contains(focused) ? focused.getAttribute('href') : null;
  fill(element, ...children);
  if (target) element.querySelector<HTMLElement>(`[href="${CSS.escape(target)}"]`)?.focus();
}

/** Sets a text only where it differs, so that a selection survives. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

let made = 0;

/** An id that no other element of the page has. */
export function freshId(): string {
  made += 1;
  return `id${made}`;
}

/** A label above its control, with a place for a hint and for an error. */
export function field(label: string, control: HTMLElement, hint = ''): HTMLElement {
  const id = control.id || freshId();
  control.id = id;
  control.setAttribute('aria-describedby', `${id}-hint ${id}-error`);
  return h('div', { class: 'field' },
    h('label', { for: id }, label), control,
    h('p', { class: 'hint', id: `${id}-hint` }, hint),
    h('p', { class: 'field-error', id: `${id}-error`, role: 'alert' }));
}

/** Shows an error beside a control that field() has wrapped, or clears it. */
export function setFieldError(control: HTMLElement, message: string): void {
  const place = document.getElementById(`${control.id}-error`);
  if (place) setText(place, message);
  if (message) control.setAttribute('aria-invalid', 'true');
  else control.removeAttribute('aria-invalid');
}
