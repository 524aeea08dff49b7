"""Signals of what belongs to the cluster: nodes, quotas, namespaces, volumes, certificates."""

from __future__ import annotations

from collections.abc import Iterator

from app.cluster.health.signals import DAY, HOUR, MINUTE, Severity, Signal, rule, seen, suggest
from app.cluster.objects import annotations_of, condition, dig, items, known, millis
from app.cluster.quantities import amount
from app.cluster.workloads import View

SOON, VERY_SOON = 21 * DAY, 3 * DAY
# Where issuers write the end of a certificate into the metadata of its Secret; the Secret's data is never read.
EXPIRY = ("auth.openshift.io/certificate-not-after", "service.beta.openshift.io/expiry", "service.alpha.openshift.io/expiry")
# Its class binds a volume together with the first pod; when that pod waits, the pod's own signal says why.
FOR_ITS_POD = ("WaitForFirstConsumer", "WaitForPodScheduled")
PRESSURES = {
    "MemoryPressure": "It is short of memory and throws out pods.",
    "DiskPressure": "Its disk is nearly full: old images and logs are removed, then pods are thrown out.",
    "PIDPressure": "It runs too many processes.",
    "NetworkUnavailable": "Its network is not set up; pods on it reach nobody.",
}


@rule("node.not_ready")
def dead(view: View, now: int) -> Iterator[Signal]:
    """A node that is not ready, or does not answer at all (status Unknown, about 50 s after its last sign)."""
    for (_, name), node in view.reading.of("Node").items():
        ready = condition(node, "Ready")
        if ready.get("status") == "True":
            continue
        silent, new = ready.get("status") == "Unknown", not ready
        if new and now - millis(dig(node, "metadata", "creationTimestamp")) < MINUTE:
            continue
        since = millis(ready.get("lastTransitionTime"))
        yield Signal(
            "node.not_ready",
            Severity.CRITICAL,
            "Node",
            "",
            name,
            "The node does not answer" if silent else "The node is not ready",
            "Its kubelet has stopped sending: the machine is down or cut off. What runs on it cannot be known."
            if silent
            else "Its kubelet has never said whether it can run pods."
            if new
            else str(ready.get("message") or "Its kubelet says that it cannot run pods."),
            since,
            (seen(node, "status.conditions[Ready]", f"{ready.get('status', 'absent')} {ready.get('reason', '')}".strip(), since),),
            # Of a node that does not answer nobody hears that a pod has ended: a drain of it would wait for ever.
            suggest("cluster.node" if silent else "cluster.drain", node),
        )


@rule("node.pressure")
def pressure(view: View, now: int) -> Iterator[Signal]:
    """A node that is short of something."""
    for line in view.nodes:
        node = view.reading.get("Node", "", line.name)
        if node is None or not line.pressures:
            continue
        found = condition(node, line.pressures[0])
        at = millis(found.get("lastTransitionTime"))
        yield Signal(
            "node.pressure",
            Severity.WARNING,
            "Node",
            "",
            line.name,
            " and ".join(line.pressures),
            " ".join(PRESSURES[p] for p in line.pressures),
            at,
            tuple(seen(node, f"status.conditions[{p}]", "True", at) for p in line.pressures),
            suggest("cluster.node", node),
        )


@rule("node.cordoned")
def cordoned(view: View, now: int) -> Iterator[Signal]:
    """A node that takes no new pods because somebody said so."""
    for line in view.nodes:
        node = view.reading.get("Node", "", line.name)
        if node is not None and line.cordoned:
            yield Signal(
                "node.cordoned",
                Severity.NOTICE,
                "Node",
                "",
                line.name,
                "Takes no new pods",
                "Somebody cordoned it, often for maintenance.",
                0,
                (seen(node, "spec.unschedulable", "true"),),
                suggest("cluster.uncordon", node),
            )


@rule("quota.used_up")
def quotas(view: View, now: int) -> Iterator[Signal]:
    """A quota of a namespace that is used up, or nearly."""
    for (namespace, name), quota in view.reading.of("ResourceQuota").items():
        full, near = [], []
        for resource, hard in sorted(dig(quota, "status", "hard", default={}).items()):
            limit, used = amount(hard), amount(dig(quota, "status", "used", resource))
            if limit and used >= limit:
                full.append(f"{resource} {dig(quota, 'status', 'used', resource)} of {hard}")
            elif limit and used >= limit * 9 / 10:
                near.append(f"{resource} {dig(quota, 'status', 'used', resource)} of {hard}")
        if full or near:
            yield Signal(
                "quota.used_up",
                Severity.WARNING if full else Severity.NOTICE,
                "ResourceQuota",
                namespace,
                name,
                f"The quota of {namespace} is {'used up' if full else 'nearly used up'}",
                f"{', '.join(full + near)}. New pods are refused, also those of a rollout." if full else ", ".join(near),
                0,
                tuple(seen(quota, "status.used", text) for text in full + near),
                suggest("cluster.edit", quota),
            )


@rule("namespace.stuck")
def stuck_namespaces(view: View, now: int) -> Iterator[Signal]:
    """A namespace that should be gone and is held by something."""
    for (_, name), namespace in view.reading.of("Namespace").items():
        since = millis(dig(namespace, "metadata", "deletionTimestamp"))
        if not since or now - since < 2 * MINUTE:
            continue
        held = [c for c in items(namespace, "status", "conditions") if c.get("status") == "True"]
        yield Signal(
            "namespace.stuck",
            Severity.WARNING,
            "Namespace",
            "",
            name,
            "Should be gone and is not",
            " ".join(str(c.get("message", "")) for c in held) or "Something in it has a finalizer that nobody removes.",
            since,
            (
                seen(namespace, "metadata.deletionTimestamp", dig(namespace, "metadata", "deletionTimestamp"), since),
                *tuple(
                    seen(namespace, f"status.conditions[{c.get('type')}]", c.get("reason"), millis(c.get("lastTransitionTime")))
                    for c in held
                ),
            ),
            suggest("cluster.object", namespace),
        )


@rule("volume.pending")
def volumes(view: View, now: int) -> Iterator[Signal]:
    """A volume claim that nobody fills."""
    for (namespace, name), claim in view.reading.of("PersistentVolumeClaim").items():
        since = millis(dig(claim, "metadata", "creationTimestamp"))
        phase = dig(claim, "status", "phase", default="")
        if phase not in ("Pending", "Lost") or now - since < MINUTE:
            continue
        if phase == "Pending" and not known(view.reading, "Event", namespace):
            continue  # only an event tells a claim that waits for its first pod from one that waits in vain
        events = view.events_about.get(("PersistentVolumeClaim", namespace, name), ())
        warned = next((e.message for e in events if e.kind == "Warning"), "")
        if not warned and any(event.reason in FOR_ITS_POD for event in events):
            continue
        storage = dig(claim, "spec", "storageClassName", default="")
        cause = (
            warned
            or next((event.message for event in events if event.message), "")
            or (
                "The volume that it was bound to is gone."
                if phase == "Lost"
                else f"The storage class {storage} has brought none yet, and no event says why."
                if storage
                else "It names no storage class, and no event says why none came."
            )
        )
        yield Signal(
            "volume.pending",
            Severity.WARNING,
            "PersistentVolumeClaim",
            namespace,
            name,
            "The volume is lost" if phase == "Lost" else "No volume for this claim",
            cause,
            since,
            (seen(claim, "status.phase", phase),),
            suggest("cluster.object", claim),
        )


@rule("certificate.ends")
def certificates(view: View, now: int) -> Iterator[Signal]:
    """A certificate that ends within three weeks: of cert-manager, or by the metadata of a TLS Secret."""
    for kind, paths in (
        ("Certificate", (("status", "notAfter"),)),
        ("Secret", tuple(("metadata", "annotations", key) for key in EXPIRY)),
    ):
        for (namespace, name), obj in view.reading.of(kind).items():
            field, end = next(((".".join(path), millis(dig(obj, *path))) for path in paths if dig(obj, *path)), ("", 0))
            if not end or end - now > SOON:
                continue
            renews = millis(dig(obj, "status", "renewalTime"))
            if renews > now - HOUR and end > now:
                continue  # cert-manager renews it by itself in time: one that lives for a day is always near its end
            days = (end - now) // DAY
            yield Signal(
                "certificate.ends",
                Severity.CRITICAL if end - now < VERY_SOON else Severity.WARNING,
                kind,
                namespace,
                name,
                "The certificate has ended" if end <= now else f"The certificate ends in {days} day{'' if days == 1 else 's'}",
                "Clients refuse the connection from then on. Its issuer has not renewed it.",
                0,
                (
                    seen(
                        obj,
                        field,
                        dig(obj, *field.split("."), default=end)
                        if kind == "Certificate"
                        else annotations_of(obj)[field.split("annotations.")[1]],
                        end,
                    ),
                ),
                suggest("cluster.object", obj),
            )
