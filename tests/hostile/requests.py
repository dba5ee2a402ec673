"""A corpus of requests that two servers could read differently, and of such as only look so.

``%s`` stands for the path of a program. After each comes a whole request of another program, which must run if, and only
if, the one before was sound. Sources: RFC 9112 and 9110 by section; what has been reported of other servers.
"""

__all__ = ["BODY", "CHUNKED", "MALFORMED", "SOUND"]

CHUNKED = b"Transfer-Encoding: chunked\r\n"
BODY = b"3\r\nabc\r\n0\r\n\r\n"


def _post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n" + body


def _get(headers: bytes) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n"


def _length(value: bytes) -> bytes:
    return _post(b"Content-Length:" + value + b"\r\n", b"abc")


def _coded(value: bytes) -> bytes:
    return _post(b"Transfer-Encoding:" + value + b"\r\n", BODY)


def _chunks(body: bytes) -> bytes:
    return _post(CHUNKED, body)


def _line(line: bytes) -> bytes:
    return line + b"\r\nHost: a\r\n\r\n"


_LENGTHS = {
    "two lengths": _post(b"Content-Length: 3\r\nContent-Length: 5\r\n", b"abcde"),
    "the same length twice": _post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"),
    "a list of lengths": _length(b" 3, 3"),
    "two lengths in one": _length(b" 3 3"),
    "a signed length": _length(b" +3"),
    "a negative length": _length(b" -3"),
    "a length in hex": _length(b" 0x3"),
    "a length with a fraction": _length(b" 3.0"),
    "a length with an exponent": _length(b" 3e0"),
    "a length with an underscore": _length(b" 1_0"),
    "a length in quotes": _length(b' "3"'),
    "a length that is empty": _length(b""),
    "a length after a vertical tab": _length(b" \x0b3"),
    "a length before a form feed": _length(b" 3\x0c"),
    "a length in digits of another script": _length(" ３".encode()),
    "a length beyond 64 bits": _length(b" 18446744073709551617"),
    "a length beyond 64 bits, negative in 32": _length(b" 99999999999999999999999"),
    "a space before the colon": _post(b"Content-Length : 3\r\n", b"abc"),
    "a tab before the colon": _post(b"Content-Length\t: 3\r\n", b"abc"),
    "a length that is folded": _post(b"Content-Length:\r\n 3\r\n", b"abc"),
    "a length after a bare line feed": _post(b"X: x\nContent-Length: 3\r\n", b"abc"),
    "a length after a bare carriage return": _post(b"X: x\rContent-Length: 3\r\n", b"abc"),
}
_CODINGS = {
    "a length and chunks": _post(b"Content-Length: 3\r\n" + CHUNKED, BODY),
    "chunks and a length": _post(CHUNKED + b"Content-Length: 3\r\n", BODY),
    "chunks and no length": _post(CHUNKED + b"Content-Length:\r\n", BODY),
    "an unknown coding": _coded(b" xchunked"),
    "a coding with a suffix": _coded(b" chunkedx"),
    "a coding in quotes": _coded(b' "chunked"'),
    "a coding with a parameter": _coded(b" chunked;q=1"),
    "a coding with a comma": _coded(b" chunked,"),
    "a coding after a comma": _coded(b" ,chunked"),
    "a coding in two words": _coded(b" chunked chunked"),
    "a coding after chunked": _coded(b" chunked, identity"),
    "a coding before chunked": _coded(b" identity, chunked"),
    "chunks of gzip": _coded(b" gzip, chunked"),
    "chunks twice in a list": _coded(b" chunked, chunked"),
    "chunks twice": _post(CHUNKED * 2, BODY),
    "two codings": _post(CHUNKED + b"Transfer-Encoding: identity\r\n", BODY),
    "two codings the other way": _post(b"Transfer-Encoding: identity\r\n" + CHUNKED, BODY),
    "no coding": _coded(b""),
    "a coding of nothing, and chunks": _post(b"Transfer-Encoding:\r\n" + CHUNKED, BODY),
    "identity alone": _post(b"Transfer-Encoding: identity\r\n", b"abc"),
    "a coding after a vertical tab": _coded(b"\x0bchunked"),
    "a coding before a vertical tab": _coded(b" chunked\x0b"),
    "a coding with a NUL": _coded(b" chun\0ked"),
    "a coding after a line feed": _coded(b"\nchunked"),
    "a coding that is folded": _coded(b"\r\n chunked"),
    "a coding that is folded with a tab": _coded(b"\r\n\tchunked"),
    "a coding with a space before the colon": _post(b"Transfer-Encoding : chunked\r\n", BODY),
    "a coding with a space in front": _post(b" Transfer-Encoding: chunked\r\n", BODY),
    "a coding behind a folded header": _post(b"X: x\r\n Transfer-Encoding: chunked\r\n", BODY),
    "a coding behind a bare line feed": _post(b"X: x\nTransfer-Encoding: chunked\r\n", BODY),
    "a coding behind a NUL": _post(b"X: x\0Transfer-Encoding: chunked\r\n", BODY),
    "a coding in HTTP/1.0": _coded(b" chunked").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a coding in HTTP/1.0 that stays": _post(CHUNKED + b"Connection: keep-alive\r\n", BODY).replace(b"/1.1", b"/1.0"),
    "a GET with a coding that is none": _get(b"Transfer-Encoding: xchunked\r\n") + BODY,
}
_CHUNKS = {
    "a chunk of a bad size": _chunks(b"0x3\r\nabc\r\n0\r\n\r\n"),
    "a chunk of no size": _chunks(b"\r\nabc\r\n0\r\n\r\n"),
    "a chunk of a signed size": _chunks(b"+3\r\nabc\r\n0\r\n\r\n"),
    "a chunk of a negative size": _chunks(b"-3\r\nabc\r\n0\r\n\r\n"),
    "a chunk of a size with an underscore": _chunks(b"1_0\r\nabcdefghijklmnop\r\n0\r\n\r\n"),
    "a chunk of a size after a space": _chunks(b" 3\r\nabc\r\n0\r\n\r\n"),
    "a chunk of a size before a space": _chunks(b"3 \r\nabc\r\n0\r\n\r\n"),
    "a chunk of a size before a tab": _chunks(b"3\t\r\nabc\r\n0\r\n\r\n"),
    "a chunk of a size before a NUL": _chunks(b"3\0\r\nabc\r\n0\r\n\r\n"),
    "a chunk of a size with a line feed": _chunks(b"3\nabc\r\n0\r\n\r\n"),
    "a chunk of a size with a carriage return": _chunks(b"3\rabc\r\n0\r\n\r\n"),
    "a chunk of a huge size": _chunks(b"fffffffffffffffff\r\nabc"),
    "a chunk of a size that is 3 in 64 bits": _chunks(b"10000000000000003\r\nabc\r\n0\r\n\r\n"),
    "a chunk longer than its size": _chunks(b"2\r\nabc\r\n0\r\n\r\n"),
    "a chunk shorter than its size": _chunks(b"4\r\nabc\r\n0\r\n\r\n"),
    "a chunk that ends with a line feed": _chunks(b"3\r\nabc\n0\r\n\r\n"),
    "a chunk that ends with anything": _chunks(b"3\r\nabcXX0\r\n\r\n"),
    "a last chunk that ends with line feeds": _chunks(b"3\r\nabc\r\n0\n\n"),
    "a last chunk that ends with anything": _chunks(b"3\r\nabc\r\n0\r\nXX"),
    "chunks with bare line feeds": _chunks(b"3\nabc\n0\n\n"),
    "an extension that ends with a line feed": _chunks(b"3;a=b\nabc\r\n0\r\n\r\n"),
    "an extension with a line feed": _chunks(b"3;a=\nb\r\nabc\r\n0\r\n\r\n"),
    "an extension with a carriage return": _chunks(b"3;a\rb\r\nabc\r\n0\r\n\r\n"),
    "an extension with a line feed in quotes": _chunks(b'3;a="\n"\r\nabc\r\n0\r\n\r\n'),
    "an extension with a NUL": _chunks(b"3;\0\r\nabc\r\n0\r\n\r\n"),
    "a trailer without a colon": _chunks(b"3\r\nabc\r\n0\r\nX\r\n\r\n"),
    "a trailer with a bare line feed": _chunks(b"3\r\nabc\r\n0\r\nX: x\n\r\n"),
    "a trailer with a length": _chunks(b"3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n"),
    "a trailer with a coding": _chunks(b"3\r\nabc\r\n0\r\n" + CHUNKED + b"\r\n"),
    "a trailer that is folded": _chunks(b"3\r\nabc\r\n0\r\nX: x\r\n y\r\n\r\n"),
    "a trailer with a space before the colon": _chunks(b"3\r\nabc\r\n0\r\nX : x\r\n\r\n"),
}
_LINES = {
    "no version": _line(b"GET %s"),
    "no version, nor headers": b"GET %s\r\n\r\n",
    "a version without a slash": _line(b"GET %s HTTP1.1"),
    "a version in lower case": _line(b"GET %s http/1.1"),
    "a version of two numbers": _line(b"GET %s HTTP/11"),
    "a version with zeroes": _line(b"GET %s HTTP/01.1"),
    "a version with more digits": _line(b"GET %s HTTP/1.10"),
    "a version that goes on": _line(b"GET %s HTTP/1.1.1"),
    "a version in two parts": _line(b"GET %s HTTP/ 1.1"),
    "a version and more": _line(b"GET %s HTTP/1.1 x"),
    "a version and a space": _line(b"GET %s HTTP/1.1 "),
    "a version of the future": _line(b"GET %s HTTP/1.2"),
    "a huge version": _line(b"GET %s HTTP/" + b"9" * 200 + b".1"),
    "HTTP/0.9": _line(b"GET %s HTTP/0.9"),
    "HTTP/2.0": _line(b"GET %s HTTP/2.0"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/3.0": _line(b"GET %s HTTP/3.0"),
    "another protocol": _line(b"GET %s SIP/2.0"),
    "tabs between words": _line(b"GET\t%s\tHTTP/1.1"),
    "a space before the method": _line(b" GET %s HTTP/1.1"),
    "a tab in the target": _line(b"GET %s/a\tb HTTP/1.1"),
    "a space in the target": _line(b"GET %s a b HTTP/1.1"),
    "a NUL in the target": _line(b"GET %s\0 HTTP/1.1"),
    "a DEL in the target": _line(b"GET %s/\x7f HTTP/1.1"),
    "a byte beyond ASCII in the target": _line(b"GET %s/\xff HTTP/1.1"),
    "a byte beyond ASCII in the query": _line(b"GET %s?\xff HTTP/1.1"),
    "a fragment": _line(b"GET %s#a HTTP/1.1"),
    "a fragment after a query": _line(b"GET %s?a#b HTTP/1.1"),
    "a target without a slash": _line(b"GET ipfs/x HTTP/1.1"),
    "a target that is a star": _line(b"GET * HTTP/1.1"),
    "a target that is an authority": _line(b"GET a:80 HTTP/1.1"),
    "a target of another scheme": _line(b"GET ftp://a%s HTTP/1.1"),
    "a target without a host": _line(b"GET http://%s HTTP/1.1"),
    "a target with a user": _line(b"GET http://u@a%s HTTP/1.1"),
    "a target with a bad host": _line(b"GET http://a\\b%s HTTP/1.1"),
    "a target and nothing": b"GET %s",
    "a carriage return in the line": b"GET %s\r HTTP/1.1\r\nHost: a\r\n\r\n",
    "two carriage returns": b"GET %s HTTP/1.1\r\r\nHost: a\r\n\r\n",
    "bare line feeds": b"GET %s HTTP/1.1\nHost: a\n\n",
    "bare carriage returns": b"GET %s HTTP/1.1\rHost: a\r\r",
    "one bare line feed at the end": b"GET %s HTTP/1.1\r\nHost: a\r\n\n",
    "one bare carriage return at the end": b"GET %s HTTP/1.1\r\nHost: a\r\n\r",
    "a tunnel": _line(b"CONNECT %s HTTP/1.1"),
    "a tunnel elsewhere": _line(b"CONNECT 127.0.0.1:80 HTTP/1.1"),
    "a trace": _line(b"TRACE %s HTTP/1.1"),
    "a method of lower case": _line(b"get %s HTTP/1.1"),
    "a method that nobody has": _line(b"GETT %s HTTP/1.1"),
    "a method with a NUL": _line(b"GET\0 %s HTTP/1.1"),
    "a long method": _line(b"G" * 5000 + b" %s HTTP/1.1"),
    "the answer of a server": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "TLS": bytes.fromhex("16030100dc010000d803035dfb092633d734"),
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "SOCKS": bytes.fromhex("050100"),
    "what proxies say of a connection": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    "the same in binary": bytes.fromhex("0d0a0d0a000d0a515549540a20000000"),
}
_HEADERS = {
    "no host": b"GET %s HTTP/1.1\r\n\r\n",
    "two hosts": _get(b"Host: b\r\n"),
    "the same host twice": _get(b"Host: a\r\n"),
    "two hosts in HTTP/1.0": _get(b"Host: b\r\n").replace(b"/1.1", b"/1.0"),
    "a host with a space": _get(b"").replace(b": a", b": a b"),
    "a host with a path": _get(b"").replace(b": a", b": a/b"),
    "a host with a user": _get(b"").replace(b": a", b": u@a"),
    "a host with a scheme": _get(b"").replace(b": a", b": http://a"),
    "a host with a fragment": _get(b"").replace(b": a", b": a#b"),
    "a host with a tab": _get(b"").replace(b": a", b": a\tb"),
    "a host with a quote": _get(b"").replace(b": a", b': a"'),
    "a host beyond ASCII": _get(b"").replace(b": a", b": \xc3\xa9"),
    "a host that is folded": _get(b"").replace(b": a", b":\r\n a"),
    "a host with a space before the colon": _get(b"").replace(b"Host:", b"Host :"),
    "a folded header": _get(b"X: a\r\n b\r\n"),
    "a header folded with a tab": _get(b"X: a\r\n\tb\r\n"),
    "a first header that is folded": b"GET %s HTTP/1.1\r\n Host: a\r\n\r\n",
    "a carriage return in a value": _get(b"X: a\rb\r\n"),
    "a line feed in a value": _get(b"X: a\nb: c\r\n"),
    "a NUL in a value": _get(b"X: a\0b\r\n"),
    "a control character in a value": _get(b"X: a\x01b\r\n"),
    "a DEL in a value": _get(b"X: a\x7fb\r\n"),
    "a NUL in a name": _get(b"X\0: a\r\n"),
    "a space in a name": _get(b"X Y: a\r\n"),
    "a parenthesis in a name": _get(b"X(Y): a\r\n"),
    "a quote in a name": _get(b'"X": a\r\n'),
    "a slash in a name": _get(b"X/Y: a\r\n"),
    "a byte beyond ASCII in a name": _get(b"X\xff: a\r\n"),
    "a carriage return in a name": _get(b"X\rY: a\r\n"),
    "no colon": _get(b"X\r\n"),
    "no name": _get(b": x\r\n"),
    "an upgrade with a body": _post(b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n", b"abc"),
    "a WebSocket with a body": _post(b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n", b"abc"),
    "a WebSocket with chunks": _post(b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + CHUNKED, BODY),
}

#: Each is answered once, with 400 or 501, and nothing that follows is read.
MALFORMED: dict[str, bytes] = _LENGTHS | _CODINGS | _CHUNKS | _LINES | _HEADERS

#: Each is answered as what it is, and so is what follows.
SOUND: dict[str, bytes] = {
    "a request": _get(b""),
    "empty lines before it": b"\r\n\r\n" + _get(b""),
    "a length": _length(b" 3"),
    "a length without a space": _length(b"3"),
    "a length between tabs": _length(b"\t3\t "),
    "a length with zeroes": _length(b" 0003"),
    "a length of nothing": _post(b"Content-Length: 0\r\n"),
    "no length": _post(b""),
    "a GET with a body": _get(b"Content-Length: 3\r\n") + b"abc",
    "chunks": _chunks(BODY),
    "chunks in capitals": _coded(b" CHUNKED"),
    "chunks after a tab": _coded(b"\tchunked"),
    "a chunk with zeroes": _chunks(b"00000003\r\nabc\r\n00\r\n\r\n"),
    "a chunk in capitals": _chunks(b"B\r\nabcdefghijk\r\n0\r\n\r\n"),
    "an extension": _chunks(b'3;a;b=c;d="e"\r\nabc\r\n0;f\r\n\r\n'),
    "a trailer": _chunks(b"3\r\nabc\r\n0\r\nX: x\r\n\r\n"),
    "a trailer that would change the host": _chunks(b"3\r\nabc\r\n0\r\nHost: b\r\nTE: x\r\n\r\n"),
    "no chunks": _chunks(b"0\r\n\r\n"),
    "an absolute target": _get(b"").replace(b"%s", b"http://b:8080%s"),
    "an absolute target in capitals": _get(b"").replace(b"%s", b"HTTPS://B%s"),
    "an empty header": _get(b"X:\r\n"),
    "a header beyond ASCII": _get(b"X: \xc3\xa9\xff\r\n"),
    "a header with tabs": _get(b"X:\ta\tb\t\r\n"),
    "all that a name may have": _get(b"!#$%&'*+-.^_`|~09azAZ: a\r\n".replace(b"%", b"")),
    "names that only look alike": _post(b"Transfer_Encoding: chunked\r\nContent-Lengt: 3\r\nXContent-Length: 3\r\n"),
    "an expectation": _post(b"Expect: 100-continue\r\nContent-Length: 3\r\n", b"abc"),
    "an expectation without a body": _get(b"Expect: 100-continue\r\n"),
    "another expectation": _get(b"Expect: miracles\r\n"),
    "an upgrade that is not made": _get(
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"
    ),
    "an upgrade that nobody announces": _get(b"Upgrade: websocket\r\n"),
    "a host with a port": _get(b"").replace(b": a", b": a.example:8080"),
    "a host that is an address": _get(b"").replace(b": a", b": [::1]:80"),
    "a path with dots": _get(b"").replace(b"%s", b"%s/../%%2e%%2e/./a//b"),
    "a path with anything": _get(b"").replace(b"%s", b"%s/%%00%%0d%%0a%%2f%%ff;a=b!$&'()*+,=:@"),
    "a long path": _get(b"").replace(b"%s", b"%s/" + b"a" * 5000),
    "a keep-alive of HTTP/1.0's kind": _get(b"Connection: keep-alive\r\nKeep-Alive: timeout=1000\r\n"),
    "a hundred headers": _get(b"".join(b"X%d: a\r\n" % number for number in range(100))),
}
