// attack: data across the border
// promise: bytes that are not MessagePack are told apart
// limit: none
// ends: 400 unreadable_output
// log: ERROR
scriptOutput = Uint8Array.of(0xc1, 1, 2);
