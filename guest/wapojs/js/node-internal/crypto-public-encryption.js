// publicEncrypt and privateDecrypt: https://nodejs.org/api/crypto.html#cryptopublicencryptkey-buffer

import { RSA_OAEP_DECRYPT, RSA_OAEP_ENCRYPT } from '../webcrypto/host.js';
import { constants } from './crypto-constants.js';
import { output, toBytes } from './crypto-digests.js';
import { compute, RSA_PKCS1_DECRYPT, RSA_PKCS1_ENCRYPT } from './crypto-host.js';
import { keyArgument } from './crypto-keys.js';
import { signatureHash } from './crypto-signatures.js';
import { notAvailable, plainError, typeError } from './errors.js';

const decodingError = () => {
  const error = plainError('ERR_OSSL_RSA_OAEP_DECODING_ERROR', 'error:02000079:rsa routines::oaep decoding error');
  error.library = 'rsa routines';
  error.reason = 'oaep decoding error';
  return error;
};
const tooLarge = () => {
  const error = plainError(
    'ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_KEY_SIZE',
    'error:0200006E:rsa routines::data too large for key size',
  );
  error.library = 'rsa routines';
  error.reason = 'data too large for key size';
  return error;
};

function run(isPrivate, given, buffer, oaep, pkcs1, failed) {
  const {
    padding = constants.RSA_PKCS1_OAEP_PADDING,
    oaepHash = 'sha1',
    oaepLabel,
    encoding,
  } = typeof given === 'object' && given !== null ? given : {};
  const { kind, handle } = keyArgument(isPrivate, given);
  const data = toBytes(buffer, 'buffer', encoding);
  if (kind !== 'rsa') {
    throw plainError(
      'ERR_OSSL_EVP_OPERATION_NOT_SUPPORTED_FOR_THIS_KEYTYPE',
      'error:03000096:digital envelope routines::operation not supported for this keytype',
    );
  }
  const request = { key: handle, data, what: isPrivate ? 'privateDecrypt' : 'publicEncrypt', failed };
  if (padding === constants.RSA_PKCS1_PADDING) return output(compute({ ...request, operation: pkcs1 }));
  if (padding !== constants.RSA_PKCS1_OAEP_PADDING) throw notAvailable(`RSA encryption with padding ${padding}`);
  const hash = signatureHash(oaepHash);
  if (hash === undefined) throw typeError('ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${oaepHash}`);
  const param = oaepLabel === undefined ? null : toBytes(oaepLabel, 'key.oaepLabel', encoding);
  return output(compute({ ...request, operation: oaep, a: hash.number, param }));
}

export const publicEncrypt = (key, buffer) => run(false, key, buffer, RSA_OAEP_ENCRYPT, RSA_PKCS1_ENCRYPT, tooLarge);
export const privateDecrypt = (key, buffer) =>
  run(true, key, buffer, RSA_OAEP_DECRYPT, RSA_PKCS1_DECRYPT, decodingError);
