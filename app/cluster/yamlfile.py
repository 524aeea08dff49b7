"""YAML of manifests, read as Kubernetes reads it: times stay text, no key stands twice, a small file cannot become a large one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from app.cluster.objects import Object
from app.core.errors import Invalid

MOST_BYTES = 8 * 1024 * 1024
PLAIN = (dict, list, str, int, float, type(None))
MOST_VALUES = 500_000  # after aliases are followed: "billion laughs" ends here


def load(text: str, where: str = "the text") -> list[dict[str, Any]]:
    """All documents of a YAML or JSON text that are objects; empty documents are left out.

    Raises:
        Invalid: it is not YAML, too large, names a key twice, holds what JSON cannot, or a document is not an object.
    """
    import yaml

    if len(text.encode()) > MOST_BYTES:
        raise Invalid(f"{where} is larger than 8 MiB. Nothing was read.", "Split it.")
    try:
        documents = [document for document in yaml.load_all(text, Loader=_loader()) if document is not None]
    except yaml.YAMLError as error:
        raise Invalid(
            f"{where} is not YAML: {' '.join(str(error).split())}. Nothing was changed.", "Mend the line named."
        ) from None
    except RecursionError:
        raise Invalid(f"{where} is nested too deep. Nothing was changed.") from None
    _spend(documents, [MOST_VALUES], where, 0)
    found: list[dict[str, Any]] = []
    for document in documents:
        listed = isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list)
        found += document["items"] if listed else [document]
    if any(not isinstance(one, dict) for one in found):
        raise Invalid(f"{where} holds a document that is not an object. Nothing was changed.", "Separate documents with ---.")
    return found


def dump(obj: Object | Iterable[Object]) -> str:
    """Objects as YAML, keys in the order in which people write them."""
    import yaml

    documents = [obj] if isinstance(obj, Mapping) else list(obj)
    return str(yaml.safe_dump_all([_plain(document) for document in documents], sort_keys=False, width=120, allow_unicode=True))


ORDER = ("apiVersion", "kind", "metadata", "name", "namespace", "type", "spec", "data", "status")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (ORDER.index(key) if key in ORDER[:3] or key in ("spec", "status") else 5, 0))
        return {key: _plain(value[key]) for key in keys}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _spend(value: Any, budget: list[int], where: str, depth: int) -> None:
    budget[0] -= 1
    if budget[0] < 0 or depth > 100:
        raise Invalid(
            f"{where} becomes too large when its aliases are followed. Nothing was changed.", "Write it out, or split it."
        )
    if not isinstance(value, PLAIN) or (isinstance(value, float) and not math.isfinite(value)):
        raise Invalid(
            f"{where} holds a value that JSON, and so the API, does not know: {type(value).__name__}. Nothing was changed.",
            "Write it as text or as a number.",
        )
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _spend(inner, budget, where, depth + 1)


def _loader() -> Any:
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Without times and numbers of base 60: what looks like one stays the text that the API expects."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
                if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                    if key.value in seen:
                        raise yaml.constructor.ConstructorError(None, None, f"the key “{key.value}” stands twice", key.start_mark)
                    seen.add(key.value)
            return {_key(key): value for key, value in super().construct_mapping(node, deep=deep).items()}

    Loader.yaml_implicit_resolvers = {
        first: [(tag, NUMBERS.get(tag, pattern)) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in Loader.yaml_implicit_resolvers.items()
    }
    return Loader


MERGE = "tag:yaml.org,2002:merge"
# YAML 1.1 reads 12:30 as 750, which Kubernetes does not.
NUMBERS = {
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$"),
    "tag:yaml.org,2002:float": re.compile(
        r"[-+]?(?:(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|\.inf|\.Inf|\.INF)$"
        r"|\.(?:nan|NaN|NAN)$"
    ),
}


def _key(key: Any) -> Any:
    """A key as JSON has it: text."""
    return str(key).lower() if isinstance(key, bool) else str(key) if isinstance(key, int | float) else key
