"""YAML of manifests, read as Kubernetes reads it: times stay text, and a small file cannot become a large one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.cluster.objects import Object
from app.core.errors import Invalid

MOST_BYTES = 8 * 1024 * 1024
MOST_VALUES = 500_000  # after aliases are followed: "billion laughs" ends here


def load(text: str, where: str = "the text") -> list[dict[str, Any]]:
    """All documents of a YAML or JSON text that are objects; empty documents are left out.

    Raises:
        Invalid: it is not YAML, too large, or a document is not an object.
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
        if not isinstance(document, dict):
            raise Invalid(f"{where} holds a document that is not an object. Nothing was changed.", "Separate documents with ---.")
        if document.get("kind") == "List" and isinstance(document.get("items"), list):
            found += document["items"]
        else:
            found.append(document)
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
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _spend(inner, budget, where, depth + 1)


def _loader() -> Any:
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Without times: what looks like one stays the text that the API expects."""

    Loader.yaml_implicit_resolvers = {
        key: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for key, resolvers in Loader.yaml_implicit_resolvers.items()
    }
    return Loader
