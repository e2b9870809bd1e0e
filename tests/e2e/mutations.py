"""Ways to bend a signed answer that no verifier may overlook."""

import copy
import json


def leaves(value, path=()):
    """Paths to everything in a document that is not a container."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, path + (name,))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, path + (index,))
    else:
        yield path


def containers(value, path=()):
    if isinstance(value, dict):
        yield path
        for name, inner in value.items():
            yield from containers(inner, path + (name,))


def at(document, path):
    for step in path:
        document = document[step]
    return document


def bent(value):
    """A value close to this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if value is None:
        return False
    return value[:-1] + ("A" if value[-1:] != "A" else "B") if value else "x"


def mutations(answer):
    """(name, text) pairs of an answer {"envelope", "legacy"?} whose every leaf and member has been tampered with."""

    def made(name, change):
        document = copy.deepcopy(answer)
        change(document)
        return name, json.dumps(document)

    for path in leaves(answer):
        label = ".".join(map(str, path))

        def bend(document, path=path):
            at(document, path[:-1])[path[-1]] = bent(at(document, path))

        def remove(document, path=path):
            del at(document, path[:-1])[path[-1]]

        yield made("bend " + label, bend)
        yield made("remove " + label, remove)
    for path in containers(answer):
        label = ".".join(map(str, path)) or "answer"

        def add(document, path=path):
            at(document, path)["unknown"] = "x"

        yield made("add to " + label, add)

    def reorder(document):
        payload = document["envelope"]["payload"]
        document["envelope"]["payload"] = dict(reversed(list(payload.items())))

    yield made("reorder payload", reorder)

    def null_binding(document):
        document["envelope"]["payload"]["binding"] = None

    yield made("null binding", null_binding)
    text = json.dumps(answer)
    yield "trailing bytes", text + "{}"
    yield "doubled member", text.replace('"issued_at":', '"issued_at": "x", "issued_at":', 1)
    yield "cut short", text[:-2]
    signature = answer["envelope"]["signature_b64u"]
    yield "padded signature", text.replace(signature, signature + "==")
    yield "another alphabet", text.replace('"payload_hash_b64u": "', '"payload_hash_b64u": "+', 1)
    yield "hash in place of signature", text.replace(signature, signature[:-43] + answer["envelope"]["payload_hash_b64u"])
