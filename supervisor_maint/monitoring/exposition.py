"""The text format of Prometheus, as it is written by us. No I/O here.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import re

# Whatever a label value holds, a line ends only where a sample or a comment does: it is escaped.
_NAME = re.compile(rb"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{?)", re.MULTILINE)


def with_label(exposition: bytes, name: str, value: str) -> bytes:
    """Return a report with one label more on every sample, which none of them has yet."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    label = f'{{{name}="{escaped}"'.encode()
    return _NAME.sub(lambda found: found[1] + label + (b"," if found[2] else b"}"), exposition)
