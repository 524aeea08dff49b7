"""Changing a cluster: always as a Plan, with the server's own dry run and a field diff as its preview.

What a plan sends is stored before it is sent, with the uid of the object and, where somebody edited what he saw, its generation. A
sent action can be called back for some seconds (a setting): until then it only waits.
"""

from app.cluster.actions.base import Clusters
from app.cluster.actions.refs import Ref
from app.cluster.actions.service import Actions

__all__ = ["Actions", "Clusters", "Ref"]
