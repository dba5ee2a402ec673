// ReadableStreamBYOBRequest: https://streams.spec.whatwg.org/#rs-byob-request-class

import { isDetached } from 'wapo:native';
import { defineInterface, illegalConstructor } from '../interfaces.js';
import { enforceRange, requireArguments } from '../webidl.js';
import { toView, viewBuffer } from './buffer-views.js';

const { TypeError } = globalThis;
const CREATE = {};

/** Makes a request for the slots of a byte controller and a view of the buffer that it may fill. */
export let createByobRequest;
/** The view of a request, null once it has been answered. */
export let byobRequestView;
/** Cuts a request off from its controller. */
export let invalidateByobRequest;

export class ReadableStreamBYOBRequest {
  /** @type {?ByteControllerSlots} null once the request has been answered */
  #controller = null;
  #view = null;

  constructor(key = undefined) {
    if (key !== CREATE) throw illegalConstructor();
  }

  static {
    createByobRequest = (controller, view) => {
      const request = new ReadableStreamBYOBRequest(CREATE);
      request.#controller = controller;
      request.#view = view;
      return request;
    };
    byobRequestView = (request) => request.#view;
    invalidateByobRequest = (request) => {
      request.#controller = null;
      request.#view = null;
    };
  }

  get view() {
    return this.#view;
  }

  respond(bytesWritten) {
    const controller = this.#controller;
    requireArguments(arguments.length, 1, 'ReadableStreamBYOBRequest.respond');
    bytesWritten = enforceRange(bytesWritten, 'ReadableStreamBYOBRequest.respond: bytesWritten');
    if (controller === null) throw new TypeError('this BYOB request has been answered');
    if (isDetached(viewBuffer(this.#view))) throw new TypeError('the buffer of the BYOB request was detached');
    controller.respond(bytesWritten);
  }

  respondWithNewView(view) {
    const controller = this.#controller;
    requireArguments(arguments.length, 1, 'ReadableStreamBYOBRequest.respondWithNewView');
    toView(view, 'ReadableStreamBYOBRequest.respondWithNewView: the view');
    if (controller === null) throw new TypeError('this BYOB request has been answered');
    if (isDetached(viewBuffer(view))) throw new TypeError('the buffer of the view was detached');
    controller.respondWithNewView(view);
  }
}

defineInterface(ReadableStreamBYOBRequest);
