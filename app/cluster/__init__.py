"""Kubernetes clusters: what runs in them, how well, and changing it with care.

Knows contexts, watches, health, rollouts and manifests; never knows a chain, a wallet or a contract. It reads raw objects, and what
it could not read it calls unknown, not absent.
"""
