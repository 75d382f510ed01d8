"""Metrics: from facts to a registry, and from the registry to the sinks."""
