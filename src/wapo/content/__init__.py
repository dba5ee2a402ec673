"""Content addressing: programs by the hash of what they are, from wherever they happen to be.

Read bottom-up, each module knows only those before it:

=========================  =======================================================================
``errors``                 what can be wrong with an identifier, a block, a DAG, an upstream, a path
``varint``                 unsigned varints, as multiformats writes them
``multihash``              the hash functions that are allowed, and the check of bytes against a hash
``cid``                    ``Cid``, the identifier
``blocks``                 the interface of a block store; one in memory
``files``                  what the modules that keep things on disk share
``disk``                   a block store in a directory
``dagpb``, ``unixfs``      the two protobuf layers of a file or directory node
``hamt``                   where a name is in a directory too large for one block
``nodes``                  a block as what it is: a file or a part of one, a directory, a shard of one
``importer``, ``tree``     bytes, files and directories into blocks, with the CIDs that Kubo gives
``limits``                 how much one read may cost
``paths``, ``reader``      an address to its file, a file to its bytes
``car``                    archives of blocks
``upstream``, ``fetch``    blocks from trustless gateways, each checked against its hash
``lookups``                places for questions that may have no answer, and what had none a moment ago
``dag``                    all blocks of a file into the local store
``walk``                   every block under a root
``pins``, ``upkeep``       what must stay in the store, and what may go
``lru``, ``flight``        a cache bounded in bytes; one fetch for many who wait
``library``                ``Library``, what the rest of Wapo talks to
``export``, ``trustless``  answers to other nodes' ``?format=raw`` and ``?format=car``
=========================  =======================================================================

Nothing is re-exported here on purpose: ``wapo.content.cid`` takes 6 ms to import, the fetcher
a quarter of a second with all of aiohttp.

The rule that holds everywhere: bytes are believed only after they were hashed. A block that came from a disk or from
a network is checked against the multihash in its CID before anything reads it, and a DAG's own statements about
itself (sizes, counts) are checked against what is found before anyone relies on them.
"""
