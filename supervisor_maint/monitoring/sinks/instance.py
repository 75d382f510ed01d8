"""Telling a host's name from one that a container was given at random. No I/O here.

A random instance leaves a group behind in the Pushgateway at each restart, for nothing ever
deletes it: the operator is warned and should set ``instance``.
"""

from __future__ import annotations

import re

# Docker and Podman name a container by the first 12 hex digits of its id.
_CONTAINER_ID = re.compile(r"[0-9a-f]{12}")
# A Deployment's pod is NAME-HASH-SUFFIX. Both are written without vowels and look-alikes; the
# hash encodes decimal digits, so it has ten letters only (k8s.io/apimachinery util/rand).
_POD_NAME = re.compile(r".+-[456789bcdf]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}")


def random_container_name(instance: str) -> bool:
    """Tell whether a name looks like a container's, which another restart will not have."""
    return any(pattern.fullmatch(instance) for pattern in (_CONTAINER_ID, _POD_NAME))
