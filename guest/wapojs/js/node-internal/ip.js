// Texts that are IP addresses: https://nodejs.org/api/net.html#netisipinput

const V4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
export const isIPv4 = (text) => V4.test(String(text));
export const isIPv6 = (text) => String(text).includes(':') && URL.canParse(`http://[${String(text).split('%')[0]}]/`);
export const isIP = (text) => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0);

export const familyOf = (address) => (isIPv6(address) ? 'IPv6' : 'IPv4');
