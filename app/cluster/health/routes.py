"""Signals of Services and Ingresses: who routes to nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.cluster.health.signals import MINUTE, Severity, Signal, rule, seen, suggest
from app.cluster.objects import dig, items, known, labels_of, millis, selects
from app.cluster.workloads import View


@rule("service.no_endpoints")
def services(view: View, now: int) -> Iterator[Signal]:
    """A Service that selects pods of which none is ready, or none at all."""
    by_namespace: dict[str, list[tuple[tuple[str, str], Mapping[str, str]]]] = {}
    for key, pod in view.reading.of("Pod").items():
        by_namespace.setdefault(key[0], []).append((key, labels_of(pod)))
    wants = {line.key: line.wanted for line in view.workloads if line.kind not in ("Job", "CronJob")}
    for (namespace, name), service in view.reading.of("Service").items():
        selector = dig(service, "spec", "selector", default={})
        if not known(view.reading, "Pod", namespace):
            continue
        if (
            not selector
            or dig(service, "spec", "type") == "ExternalName"
            or now - millis(dig(service, "metadata", "creationTimestamp")) < MINUTE
        ):
            continue
        keys = [key for key, labels in by_namespace.get(namespace, ()) if selects(selector, labels)]
        chosen = [view.pods[key] for key in keys if not view.pods[key].ended]
        if any(line.is_ready for line in chosen) or dig(service, "spec", "publishNotReadyAddresses", default=False):
            continue
        if not chosen and not any(
            wanted for key, wanted in wants.items() if key[1] == namespace and _templates(view, key, selector)
        ):
            continue  # scaled to zero on purpose, or waiting for something that is not deployed: nothing was promised
        owner = view.owners[chosen[0].namespace, chosen[0].name] if chosen else None
        yield Signal(
            "service.no_endpoints",
            Severity.CRITICAL,
            "Service",
            namespace,
            name,
            "The Service sends to nobody",
            f"None of its {len(chosen)} pods is ready." if chosen else "No pod carries the labels that it selects.",
            0,
            (seen(service, "spec.selector", ", ".join(f"{k}={v}" for k, v in selector.items())),),
            suggest("cluster.topology", service),
            owner,
        )


def _templates(view: View, key: tuple[str, str, str], selector: dict[str, str]) -> bool:
    obj = view.reading.get(*key)
    return selects(selector, dig(obj, "spec", "template", "metadata", "labels", default={}))


@rule("ingress.backend")
def ingresses(view: View, now: int) -> Iterator[Signal]:
    """An Ingress that names a Service that does not exist, or a TLS Secret that does not."""
    for (namespace, name), ingress in view.reading.of("Ingress").items():
        if not known(view.reading, "Service", namespace):
            continue
        backends = [dig(ingress, "spec", "defaultBackend", "service", "name")]
        for entry in items(ingress, "spec", "rules"):
            backends += [dig(path, "backend", "service", "name") for path in items(entry, "http", "paths")]
        missing = sorted({b for b in backends if b and view.reading.get("Service", namespace, b) is None})
        secrets = (
            [dig(tls, "secretName") for tls in items(ingress, "spec", "tls")] if known(view.reading, "Secret", namespace) else []
        )
        lost = sorted({s for s in secrets if s and view.reading.get("Secret", namespace, s) is None})
        if missing or lost:
            words = [f"Service {b}" for b in missing] + [f"Secret {s}" for s in lost]
            yield Signal(
                "ingress.backend",
                Severity.WARNING,
                "Ingress",
                namespace,
                name,
                f"Names what does not exist: {', '.join(words)}",
                "Requests end with an error of the controller."
                if missing
                else "The controller serves a certificate of its own, which clients refuse.",
                0,
                tuple(seen(ingress, "spec", word) for word in words),
                suggest("cluster.edit", ingress),
            )
