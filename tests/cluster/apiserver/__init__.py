"""A protocol-true Kubernetes API server for tests, built from recorded answers. Never part of the product."""

from tests.cluster.apiserver.faults import Faults
from tests.cluster.apiserver.resources import Resource
from tests.cluster.apiserver.rights import Rule, User
from tests.cluster.apiserver.server import ApiServer

__all__ = ["ApiServer", "Faults", "Resource", "Rule", "User"]
