// navigator, as far as WinterTC asks: https://min-common-api.proposal.wintertc.org/#navigator-requirements

import { defineInterface, illegalConstructor } from './interfaces.js';

const CREATE = {};

export class Navigator {
  #brand;

  constructor(key = undefined) {
    if (key !== CREATE) throw illegalConstructor();
    this.#brand = true;
  }

  get userAgent() {
    this.#brand;
    return 'Wapo';
  }
  get hardwareConcurrency() {
    this.#brand;
    return 1;
  }
  get language() {
    this.#brand;
    return 'en-US';
  }
  get languages() {
    this.#brand;
    return ['en-US'];
  }
}

defineInterface(Navigator);
export const navigator = new Navigator(CREATE);
