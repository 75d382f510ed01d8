"""Permissions: a policy of owners, groups and modes that is kept. One folder a capability."""
