"""A checker of transparency logs that shares no line with clawsigner: another language, another crypto library, written from
RFC 9162 and C2SP's signed-note, tlog-checkpoint, tlog-tiles and tlog-proof.

    python3 log_oracle.py tree DIRECTORY VERIFIER-KEY ORIGIN    an exported log: checkpoint, tile/…; prints size and root
    python3 log_oracle.py proof FILE ENTRY VERIFIER-KEY ORIGIN  a .tlog-proof of the entry in a file
    python3 log_oracle.py stream PROGRAM LEAVES                 every proof the program prints (tests/support/every_proof.cpp)

Exit 0, or exit 1 and the reason.
"""

import base64
import functools
import hashlib
import pathlib
import re
import struct
import subprocess
import sys
import unicodedata

WIDTH = 256


class Refused(Exception):
    """It does not hold, and why."""


def require(good, reason):
    if not good:
        raise Refused(reason)


# ---- RFC 9162, section 2.1 --------------------------------------------------------------------------------------------


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


@functools.lru_cache(maxsize=1 << 17)
def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(hashes):
    """MTH by its definition, 2.1.1."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return node_hash(root_of(hashes[:split]), root_of(hashes[split:]))


def verify_inclusion(leaf, index, size, path, root):
    """2.1.3.2, step by step."""
    require(index < size, "inclusion: the index is outside the tree")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        require(sn != 0, "inclusion: too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            r = node_hash(r, p)
        fn >>= 1
        sn >>= 1
    require(sn == 0, "inclusion: too short")
    require(r == root, "inclusion: another root")


def verify_consistency(first, first_hash, second, second_hash, path):
    """2.1.4.2, step by step; what it leaves out (equal sizes, an empty tree) has an empty path."""
    require(first <= second, "consistency: the trees are in the wrong order")
    if first == 0 or first == second:
        require(not path, "consistency: a path where none is needed")
        require(first != second or first_hash == second_hash, "consistency: one size, two roots")
        require(first != 0 or first_hash == root_of([]), "consistency: not the empty tree's root")
        return
    require(path or first & (first - 1) == 0, "consistency: empty")
    path = [first_hash, *path] if first & (first - 1) == 0 else path
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = path[0]
    for c in path[1:]:
        require(sn != 0, "consistency: too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            sr = node_hash(sr, c)
        fn >>= 1
        sn >>= 1
    require(sn == 0, "consistency: too short")
    require(fr == first_hash, "consistency: another old root")
    require(sr == second_hash, "consistency: another new root")


# ---- C2SP signed-note, tlog-checkpoint --------------------------------------------------------------------------------


def unbase64(text):
    value = base64.b64decode(text, validate=True)
    require(base64.b64encode(value).decode() == text, "base64 of another spelling")
    return value


def decimal(text):
    require(re.fullmatch(r"0|[1-9][0-9]*", text), "not a decimal number")
    return int(text)


class NoteKey:
    def __init__(self, text):
        from cryptography.hazmat.primitives.asymmetric import ed25519

        self.name, number, rest = text.split("+", 2)
        value = unbase64(rest)
        require(self.name and not any(c.isspace() for c in self.name), "not a key name")
        require(len(value) == 33 and value[0] == 1, "not an Ed25519 verifier key")
        self.id = hashlib.sha256(self.name.encode() + b"\n" + value).digest()[:4]
        require(number == self.id.hex(), "the key's id is not its own")
        self.public = ed25519.Ed25519PublicKey.from_public_bytes(value[1:])


def open_note(note, key):
    """The text, if the key signed it; `note` is bytes."""
    from cryptography.exceptions import InvalidSignature

    whole = note.decode("utf-8")
    require(not any(unicodedata.category(c) == "Cc" and c < " " and c != "\n" for c in whole), "a control character")
    text, separator, lines = whole.rpartition("\n\n")
    require(separator and lines.endswith("\n"), "not a note")
    text += "\n"
    verified = False
    for line in lines[:-1].split("\n"):
        dash, name, signature = line.split(" ")
        require(dash == "\u2014", "not a signature line")
        value = unbase64(signature)
        if (name, value[:4]) == (key.name, key.id):
            try:
                key.public.verify(value[4:], text.encode())
            except InvalidSignature:
                raise Refused("a forged signature") from None
            verified = True
    require(verified, "not signed by the key")
    return text


def open_checkpoint(note, key, origin):
    """(size, root)"""
    lines = open_note(note, key).split("\n")
    require(len(lines) == 4 and lines[3] == "", "not three lines")
    require(lines[0] == origin, "another origin")
    root = unbase64(lines[2])
    require(len(root) == 32, "not a root")
    return decimal(lines[1]), root


# ---- C2SP tlog-proof, tlog-tiles --------------------------------------------------------------------------------------


def check_proof(file, leaf, key, origin):
    head, separator, note = file.partition(b"\n\n")
    require(separator, "not a proof")
    lines = head.decode().split("\n")
    require(lines.pop(0) == "c2sp.org/tlog-proof@v1", "not a proof of version 1")
    if lines and lines[0].startswith("extra "):
        unbase64(lines.pop(0)[6:])
    require(lines and lines[0].startswith("index "), "no index")
    index = decimal(lines.pop(0)[6:])
    size, root = open_checkpoint(note, key, origin)
    verify_inclusion(leaf, index, size, [unbase64(line) for line in lines], root)
    return index, size, root


def index_path(index):
    groups = re.findall("...", str(index).zfill((len(str(index)) + 2) // 3 * 3))
    return "/".join(["x" + group for group in groups[:-1]] + groups[-1:])


def read_level(directory, level, nodes):
    """All the hashes of a tile level, of whole tiles and of the partial one. A full tile may stand where a partial one was."""
    hashes = []
    for index in range((nodes + WIDTH - 1) // WIDTH):
        width = min(WIDTH, nodes - index * WIDTH)
        full = directory / "tile" / level / index_path(index)
        partial = full.with_name("%s.p" % full.name) / str(width)
        data = partial.read_bytes() if width < WIDTH and partial.is_file() else full.read_bytes()
        require(len(data) == 32 * (width if width < WIDTH and partial.is_file() else WIDTH), "a tile of the wrong length")
        hashes += [data[at : at + 32] for at in range(0, 32 * width, 32)]
    return hashes


def read_entries(directory, size):
    entries = []
    for index in range((size + WIDTH - 1) // WIDTH):
        width = min(WIDTH, size - index * WIDTH)
        full = directory / "tile/entries" / index_path(index)
        partial = full.with_name("%s.p" % full.name) / str(width)
        data, at, bundle = (partial if width < WIDTH and partial.is_file() else full).read_bytes(), 0, []
        while at < len(data):
            (length,) = struct.unpack_from(">H", data, at)
            require(at + 2 + length <= len(data), "an entry that is cut off")
            bundle.append(data[at + 2 : at + 2 + length])
            at += 2 + length
        require(len(bundle) >= width, "too few entries")
        entries += bundle[:width]
    return entries


def check_tree(directory, key, origin):
    """Every tile, every entry that is there, and the root in the checkpoint."""
    size, root = open_checkpoint((directory / "checkpoint").read_bytes(), key, origin)
    level, nodes, below = 0, size, None
    leaves = []
    while nodes > 0:
        hashes = read_level(directory, str(level), nodes)
        if level == 0:
            leaves = hashes
        else:
            whole = [root_of(below[at : at + WIDTH]) for at in range(0, nodes * WIDTH, WIDTH)]
            require(hashes == whole, "level %d is not that of the level below" % level)
        level, nodes, below = level + 1, nodes // WIDTH, hashes
    require(root_of(leaves) == root, "the leaves do not have the checkpoint's root")
    if (directory / "tile/entries").is_dir():
        require([leaf_hash(entry) for entry in read_entries(directory, size)] == leaves, "the entries are not the leaves")
    return size, root


# ---- every proof of small trees ---------------------------------------------------------------------------------------


def check_stream(program, count):
    """For every size up to `count`: the root, and the proofs of every leaf and from every older size. The leaves are the
    numbers in decimal. A record: kind, two numbers, how many hashes, the hashes."""
    leaves = [leaf_hash(b"%d" % index) for index in range(count)]
    roots = [root_of(leaves[:size]) for size in range(count + 1)]
    seen = {b"r": 0, b"i": 0, b"c": 0}
    with subprocess.Popen([program, str(count)], stdout=subprocess.PIPE, bufsize=1 << 20) as printing:
        while head := printing.stdout.read(10):
            kind, first, size, length = struct.unpack("<cIIB", head)
            data = printing.stdout.read(32 * length)
            path = [data[at : at + 32] for at in range(0, 32 * length, 32)]
            try:
                if kind == b"i":
                    verify_inclusion(leaves[first], first, size, path, roots[size])
                elif kind == b"c":
                    verify_consistency(first, roots[first], size, roots[size], path)
                else:
                    require(path == [roots[size]], "another root")
            except Refused as reason:
                raise Refused("%s %d %d: %s" % (kind.decode(), first, size, reason)) from None
            seen[kind] += 1
    require(printing.returncode == 0, "the program failed")
    pairs = count * (count + 1) // 2
    require(seen == {b"r": count + 1, b"i": pairs, b"c": pairs + count + 1}, "some proofs are missing")
    return seen


def main(command, *words):
    if command == "tree":
        size, root = check_tree(pathlib.Path(words[0]), NoteKey(words[1]), words[2])
        print(size, root.hex())
    elif command == "proof":
        leaf = leaf_hash(pathlib.Path(words[1]).read_bytes())
        index, size, root = check_proof(pathlib.Path(words[0]).read_bytes(), leaf, NoteKey(words[2]), words[3])
        print(index, size, root.hex())
    elif command == "stream":
        print({kind.decode(): number for kind, number in check_stream(words[0], int(words[1])).items()})
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (Refused, ValueError, OSError) as reason:
        sys.exit("refused: %s" % reason)
